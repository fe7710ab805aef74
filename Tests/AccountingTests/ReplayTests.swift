import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Random lives")
struct ReplayTests {
    /// What the store should say, kept beside it by the simplest means.
    private struct Model {
        var states: [JobID: JobState] = [:]
        var holders: [Int: JobID] = [:]
        var seeds: [JobID: Int] = [:]
    }

    @Test("random calls and reopenings agree with the model; replaying the changes gives the states", arguments: 1...8)
    func random(seed: UInt64) throws {
        var random = Xorshift(state: seed &* 0x9E37_79B9_7F4A_7C15)
        let fixture = try Fixture()
        var model = Model()
        for _ in 0..<150 {
            try step(&model, fixture, &random)
        }
        try verify(model, fixture)
    }

    private func step(_ model: inout Model, _ fixture: Fixture, _ random: inout Xorshift) throws {
        let store = fixture.store
        let job = JobID.random(in: 1...Int64(max(1, model.states.count)), using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1, 2:
            let seed = Int.random(in: 0..<12, using: &random)
            let admitted = try fixture.admit(seed)
            let holder = model.holders[seed]
            let duplicate = holder.flatMap { model.states[$0] }?.absorbsSameBytes ?? false
            #expect(admitted.state == (duplicate ? .duplicate : .queued))
            model.states[admitted.jobID] = admitted.state
            model.seeds[admitted.jobID] = seed
            if !duplicate { model.holders[seed] = admitted.jobID }
        case 3, 4: expect(.running, job, &model) { try store.begin(job, Fixture.execution) }
        case 5: expect(.done, job, &model) { try store.complete(job, Fixture.batch, Timings()) }
        case 6: expect(.failed, job, &model) { try store.fail(job, Failure(.internal, "no")) }
        case 7:
            expect(.retrying, job, &model) { try store.retry(job, Failure(.ioError, "later"), notBefore: Date()) }
        case 8: expect(.held, job, &model) { try store.hold(job) }
        case 9: expect(.cancelled, job, &model) { try store.cancel(job) }
        case 10:
            let from: JobState = Bool.random(using: &random) ? .held : .running
            expect(.queued, job, &model, from: from) {
                if from == .held { try store.release(job) } else { try store.returnToQueue(job) }
            }
        default:
            try store.close()
            try fixture.reopen()
            for found in try fixture.store.recoverInterrupted(attemptsAllowed: { _ in 3 }, mostRetries: 12) {
                #expect(model.states[found.id] == .running)
                model.states[found.id] = found.state
            }
        }
    }

    private func expect(
        _ next: JobState, _ job: JobID, _ model: inout Model, from source: JobState? = nil, _ call: () throws -> Void
    ) {
        let state = model.states[job]
        let possible = state.map { $0.canBecome(next) && (source == nil || source == $0) } ?? false
        let result = code(call)
        #expect(
            result == (possible ? nil : state == nil ? .notFound : .wrongState),
            "\(String(describing: state)) to \(next)")
        if possible { model.states[job] = next }
    }

    private func verify(_ model: Model, _ fixture: Fixture) throws {
        let reader = try StoreReader.open(path: fixture.path)
        let records = try reader.jobs(JobFilter(limit: 10_000))
        #expect(Dictionary(uniqueKeysWithValues: records.map { ($0.jobID, $0.state) }) == model.states)

        var replayed: [JobID: JobState] = [:]
        for change in try reader.changes(limit: 100_000) {
            #expect(replayed[change.jobID] == change.fromState)
            if let from = change.fromState {
                #expect(from.canBecome(change.toState))
            } else {
                #expect(JobState.births.contains(change.toState))
            }
            replayed[change.jobID] = change.toState
        }
        #expect(replayed == model.states)

        let results = try reader.results(limit: 100_000)
        let rows = Dictionary(grouping: results, by: \.jobID).mapValues { $0.map(\.row) }
        let done = model.states.filter { $0.value == .done }.keys
        #expect(rows == Dictionary(uniqueKeysWithValues: done.map { ($0, [0, 1, 2]) }))
        let counts = try reader.counts().first
        for state in JobState.allCases {
            #expect(counts?.jobs[state] ?? 0 == model.states.values.count { $0 == state })
        }
        #expect(try fixture.store.integrityErrors().isEmpty)
    }

    private struct Xorshift: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }
}
