import Accounting
import Foundation
import Testing

/// Whether spool and store are as the model says.
extension RandomLife {
    func verify() throws {
        try verifyPlaces()
        let reader = try StoreReader.open(path: world.paths.store)
        defer { try? reader.close() }
        var jobs: [JobID: SpoolModel.Job] = [:]
        for record in try reader.jobs(JobFilter(limit: 10_000)) {
            var job = try #require(model.jobs[record.jobID], "\(record)")
            (job.state, job.attempts) = (record.state, record.attempts)
            (job.duplicateOf, job.supersedes) = (record.duplicateOf, record.supersedes)
            jobs[record.jobID] = job
        }
        #expect(jobs == model.jobs)
        #expect(try store.unfiled().map(\.id) == model.unfiled)
        let notes = try store.claims().map { ($0.token, $0.requeueOf) }
        #expect(Dictionary(uniqueKeysWithValues: notes) == model.notes.mapValues(\.requeueOf))

        var replayed: [JobID: JobState] = [:]
        for change in try reader.changes(limit: 100_000) {
            #expect(replayed[change.jobID] == change.fromState)
            replayed[change.jobID] = change.toState
        }
        #expect(replayed == model.jobs.mapValues(\.state))

        let rows = Dictionary(grouping: try reader.results(limit: 100_000), by: \.jobID).mapValues { $0.map(\.row) }
        #expect(rows == model.jobs.filter { $0.value.state == .done }.mapValues { _ in [0, 1, 2] })
    }

    /// Each input in exactly one place, which is the one it should be in; each in failed/ with its reason.
    private func verifyPlaces() throws {
        var found: [UInt64: [SpoolModel.Place]] = [:]
        for folder in ["incoming", "work", "done", "failed"] {
            for name in try world.names(folder) {
                if name.hasSuffix(".reason.json") {
                    let input = world.root("spool/p/\(folder)/\(name.dropLast(12))")
                    #expect(FileManager.default.fileExists(atPath: input), "\(name) is about nothing")
                    continue
                }
                let path = world.root("spool/p/\(folder)/\(name)")
                let inode = try #require(
                    try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64)
                let job = JobID(name.prefix { $0 != "-" }) ?? 0
                let place: SpoolModel.Place =
                    switch folder {
                    case "incoming": .incoming
                    case "work": .work(token: name)
                    case "done": .done(job)
                    default: .failed(job)
                    }
                found[inode, default: []].append(place)
                if folder == "failed" {
                    #expect(FileManager.default.fileExists(atPath: "\(path).reason.json"), "\(name)")
                }
            }
        }
        let expected = model.inputs.map { (inodes[$0] ?? 0, model.places[$0].map { [$0] } ?? []) }
        #expect(found == Dictionary(uniqueKeysWithValues: expected))
    }
}
