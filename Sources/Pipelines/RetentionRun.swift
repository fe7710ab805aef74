import Accounting
import Failures
import Foundation
import Glibc
import Spooling
import TensorFiles

/// Takes away what has had its time in one pipeline, as its `retention` says.
///
/// In this order: inputs, refined vectors, rows, jobs; so a job goes when nothing else is left of it. It can end between
/// any two steps, and be killed anywhere: the next run goes on. Needs no model. Jobs that are not settled and filed are
/// never touched, nor files that belong to no job of this store.
struct RetentionRun {
    private static let filesAtOnce = 64
    let store: Store
    let paths: ServicePaths
    let pipeline: String
    let horizons: Horizons
    /// Called between steps; may wait, and throw to end the run.
    let pace: () throws -> Void

    /// - Returns: what is gone, and what could not be removed.
    /// - Throws: what the store says, and what `pace` throws.
    func run() throws -> (counts: RemovalCounts, troubles: [Failure]) {
        var counts = RemovalCounts()
        var troubles: [Failure] = []
        for state in JobState.allCases where state.isSettled {
            if let horizon = state.filesUnderFailed ? horizons.failed : horizons.inputs {
                try removeInputs(state, before: horizon, &counts, &troubles)
            }
        }
        if let horizon = horizons.features { try removeFeatures(before: horizon, &counts, &troubles) }
        if let horizon = horizons.results { try removeResults(before: horizon, &counts) }
        if let horizon = horizons.jobs {
            var gone: Int
            repeat {
                try pace()
                gone = try store.deleteSomeJobs(pipeline: pipeline, before: horizon)
                counts.jobs += gone
            } while gone > 0
        }
        return (counts, troubles)
    }

    private func removeInputs(
        _ state: JobState, before horizon: Date, _ counts: inout RemovalCounts, _ troubles: inout [Failure]
    ) throws {
        var spool: SpoolDirectory?
        var last: ExpiredFile?
        while true {
            try pace()
            let files = try store.expiredInputs(
                pipeline: pipeline, state: state, before: horizon, after: last, limit: Self.filesAtOnce)
            guard !files.isEmpty else { return }
            last = files.last
            do {
                let open = try spool ?? SpoolDirectory(SpoolLayout(root: paths.spool, pipeline: pipeline))
                spool = open
                let names = files.compactMap { FileName($0.filedAs) }
                let outcome = try open.remove(names, from: state.filesUnderFailed ? .failed : .done)
                let gone = files.filter { file in FileName(file.filedAs).map(outcome.removed.contains) ?? true }
                try store.markInputsRemoved(gone.map(\.job))
                if state.filesUnderFailed { counts.failed += gone.count } else { counts.inputs += gone.count }
                counts.fileBytes += outcome.bytes
                troubles += outcome.troubles
            } catch let failure as Failure where !isInPlace(spool) {
                // The pipeline's directories are not there: its files may be elsewhere, and are not crossed off.
                troubles.append(failure)
                return
            }
        }
    }

    private func isInPlace(_ spool: SpoolDirectory?) -> Bool {
        spool.map { (try? $0.verify()) != nil } ?? false
    }

    private func removeFeatures(
        before horizon: Date, _ counts: inout RemovalCounts, _ troubles: inout [Failure]
    ) throws {
        let directory = paths.features(pipeline: pipeline)
        var last: ExpiredFile?
        while true {
            try pace()
            let files = try store.expiredFeatures(
                pipeline: pipeline, before: horizon, after: last, limit: Self.filesAtOnce)
            guard !files.isEmpty else { return }
            last = files.last
            var gone: [JobID] = []
            for file in files {
                let path = FeatureFile.path(job: file.job, in: directory)
                var status = stat()
                let size = lstat(path, &status) == 0 ? Int(status.st_size) : 0
                if unlink(path) == 0 || errno == ENOENT {
                    gone.append(file.job)
                    counts.fileBytes += size
                } else {
                    troubles.append(.system("unlink \(path)"))
                }
            }
            if !gone.isEmpty, FileManager.default.fileExists(atPath: directory) {
                try AtomicFile.syncDirectory(directory)
            }
            try store.markFeaturesRemoved(gone)
            counts.features += gone.count
        }
    }

    /// Takes rows out of sight and deletes them; first those that an earlier run did not come to.
    private func removeResults(before horizon: Date, _ counts: inout RemovalCounts) throws {
        var retired: (jobs: Int, rows: Int)
        repeat {
            try pace()
            retired = try store.retireSomeResults(pipeline: pipeline, before: horizon)
            counts.results += retired.rows
        } while retired.jobs > 0
        repeat { try pace() } while try store.deleteSomeRows()
    }
}
