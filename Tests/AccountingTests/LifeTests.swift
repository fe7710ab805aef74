import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("A job's life")
struct LifeTests {
    @Test("from claim to filed, every step is recorded")
    func happy() throws {
        let fixture = try Fixture()
        let job = try fixture.admit(1, name: "batch 1.safetensors").jobID
        #expect(try fixture.store.begin(job, Fixture.execution) == 1)
        let seconds = try fixture.store.complete(
            job, Fixture.batch, Timings(decode: 1, refine: 2), featuresPath: "/f"
        ).commitSeconds
        #expect(seconds > 0)
        #expect(try fixture.store.unfiled().map(\.id) == [job])
        #expect(try fixture.store.unsettled().isEmpty)
        try fixture.store.markFiled(job, as: "1--batch 1.safetensors", commitSeconds: seconds)
        #expect(try fixture.store.unfiled().isEmpty)

        let reader = try StoreReader.open(path: fixture.path)
        #expect(try reader.filedName(of: job) == Array("1--batch 1.safetensors".utf8))
        let record = try reader.job(job)
        #expect(record.fileName == "batch 1.safetensors")
        #expect(record.sha256 == Fixture.digest(1))
        #expect((record.rows, record.rowsOK, record.rowsFailed) == (3, 2, 1))
        #expect(record.modelID == "0123456789ab")
        #expect(record.solver == "rk4")
        #expect(record.steps == 4)
        #expect(record.form == "direct")
        #expect(record.kernel == "avx2")
        #expect(record.featuresPath == "/f")
        #expect([record.decodeSeconds, record.refineSeconds, record.classifySeconds] == [1, 2, nil])
        #expect(record.commitSeconds == seconds)
        #expect(record.queueSeconds ?? -1 >= 0)
        #expect(record.submittedAt <= record.startedAt ?? "")
        #expect(record.startedAt ?? "" <= record.finishedAt ?? "")
        #expect(
            try reader.changes(jobID: job).map { [$0.fromState, $0.toState] } == [
                [nil, .queued], [.queued, .running], [.running, .done],
            ])
    }

    @Test("after a crash a batch that only awaited its commit has its attempt back, the one beside it has not")
    func crashBesideACommit() throws {
        let fixture = try Fixture()
        let (first, second) = (try fixture.job(in: .running, seed: 1), try fixture.job(in: .queued, seed: 2))
        try fixture.store.begin(second, Fixture.execution, besides: (first, Timings(decode: 1, refine: 2)))
        let found = try fixture.store.recoverInterrupted(attemptsAllowed: { _ in 2 }, mostRetries: 12)
        #expect(found.map(\.id) == [first, second])
        #expect(found.map(\.state) == [.queued, .retrying])
        #expect(found.map(\.attempts) == [0, 1])
        // Begun anew, it is no more than any other.
        try fixture.store.begin(first, Fixture.execution)
        #expect(
            try fixture.store.recoverInterrupted(attemptsAllowed: { _ in 2 }, mostRetries: 12).map(\.attempts) == [1])
    }

    @Test("only a crash or a deadline counts an attempt", arguments: FailureCode.allCases)
    func attempts(code: FailureCode) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .running, seed: 1)
        let later = Date(timeIntervalSince1970: 2_000_000_000.5)
        try fixture.store.retry(job, Failure(code, "words"), notBefore: later)
        let waiting = try fixture.store.job(job)
        #expect(waiting.attempts == (code == .crashed || code == .deadline ? 1 : 0))
        #expect(waiting.retries == 1)
        #expect(waiting.notBefore == later)
        #expect(waiting.errorCode == code.rawValue)
    }

    @Test("a stop gives the attempt back; a person's wish is carried out in the same step")
    func stop() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .running, seed: 1)
        try fixture.store.returnToQueue(job)
        #expect(try fixture.store.job(job).attempts == 0)
        try fixture.store.begin(job, Fixture.execution)
        try fixture.store.returnToQueue(job, then: .held)
        #expect(try fixture.state(job) == .held)
        try fixture.store.release(job)
        try fixture.store.begin(job, nil)
        try fixture.store.returnToQueue(job, then: .cancelled)
        #expect(try fixture.state(job) == .cancelled)
    }

    @Test("after retries the error is gone once the job is done")
    func errorCleared() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .retrying, seed: 1)
        try fixture.store.begin(job, Fixture.execution)
        try fixture.store.complete(job, Fixture.batch, Timings())
        let record = try StoreReader.open(path: fixture.path).job(job)
        #expect(record.errorCode == nil)
        #expect(record.state == .done)
    }

    /// What each call of the store tries to reach, and from where it may.
    private static let calls:
        [(name: String, target: JobState, from: Set<JobState>, call: @Sendable (Store, JobID) throws -> Void)] = [
            ("begin", .running, [.queued, .retrying], { try $0.begin($1, Fixture.execution) }),
            ("complete", .done, [.running], { try $0.complete($1, Fixture.batch, Timings()) }),
            ("fail", .failed, [.queued, .running, .retrying, .held], { try $0.fail($1, Failure(.internal, "no")) }),
            ("retry", .retrying, [.running], { try $0.retry($1, Failure(.ioError, "later"), notBefore: Date()) }),
            ("returnToQueue", .queued, [.running], { try $0.returnToQueue($1) }),
            ("hold", .held, [.queued, .retrying], { try $0.hold($1) }),
            ("release", .queued, [.held], { try $0.release($1) }),
            ("cancel", .cancelled, [.queued, .retrying, .held], { try $0.cancel($1) }),
        ]

    @Test("every call works from its states, and from no other: there it changes nothing and says why")
    func guarded() throws {
        let fixture = try Fixture()
        var seed = 0
        for (name, target, from, call) in Self.calls {
            for state in JobState.allCases {
                seed += 1
                let job = try fixture.job(in: state, seed: seed)
                let changes = try fixture.outside { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_changes") }
                let result = code { try call(fixture.store, job) }
                #expect(from.contains(state) == (result == nil), "\(name) from \(state)")
                if from.contains(state) {
                    #expect(try fixture.state(job) == target)
                    #expect(state.canBecome(target))
                } else {
                    #expect(result == .wrongState)
                    #expect(try fixture.state(job) == state)
                    #expect(
                        try fixture.outside { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_changes") } == changes)
                }
            }
        }
    }

    @Test("a refused call names the state and what is possible")
    func words() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        do {
            try fixture.store.cancel(job)
            Issue.record("nothing thrown")
        } catch let failure as Failure {
            #expect(failure.message == "Job 1 is done and cannot become cancelled: it can be requeued.")
        }
        #expect(code { try fixture.store.hold(99) } == .notFound)
    }

    @Test("a file in work/ cannot be marked as filed")
    func filing() throws {
        let fixture = try Fixture()
        let job = try fixture.admit(1).jobID
        #expect(code { try fixture.store.markFiled(job, as: "x") } == .wrongState)
        #expect(code { try fixture.store.markFiled(99, as: "x") } == .notFound)
    }
}
