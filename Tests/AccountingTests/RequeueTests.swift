import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Requeue and recovery")
struct RequeueTests {
    private func requeue(_ job: JobID, seed: Int, in fixture: Fixture) throws -> Admitted {
        let requeue = try fixture.store.requeue(job, token: fixture.token())
        return try fixture.store.admit(
            Admission(
                token: requeue.note.token, pipeline: requeue.note.pipeline, name: requeue.note.name,
                sha256: Fixture.digest(seed), rows: 3, fileBytes: 100))
    }

    @Test("a failed or cancelled job is requeued as a new attempt", arguments: [JobState.failed, .cancelled])
    func attempt(state: JobState) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: state, seed: 1)
        try fixture.store.markFiled(job, as: "1--a")
        let requeue = try fixture.store.requeue(job, token: "t")
        #expect(requeue.underFailed)
        #expect(requeue.filedAs == Array("1--a".utf8))
        #expect(try fixture.store.claims() == [requeue.note])
        try fixture.store.forgetClaim("t")
        let next = try self.requeue(job, seed: 1, in: fixture)
        #expect(next.state == .queued)
        #expect(next.supersedes == nil)
        #expect(try fixture.state(job) == state)
        let reader = try StoreReader.open(path: fixture.path)
        #expect(try reader.job(next.jobID).requeueOf == job)
        #expect(try reader.successor(of: job) == next.jobID && reader.successor(of: next.jobID) == nil)
    }

    @Test("a failure stands until its file or its bytes are another job, and not for ever")
    func standing() throws {
        let fixture = try Fixture()
        let reader = try StoreReader.open(path: fixture.path)
        let jobs = try (1...3).map { try fixture.job(in: .failed, seed: $0) }
        // One whose bytes were never read.
        let unread = try fixture.store.refuse(
            token: fixture.token(), pipeline: "photos", name: [97], failure: Failure(.tooLarge, "large"))
        for job in jobs + [unread] { try fixture.store.markFiled(job, as: "\(job)--a") }
        func standing(_ since: Date = .distantPast) throws -> (Int, JobID?) {
            let found = try reader.standingFailures(since: since)
            return (found.count, found.newest?.jobID)
        }
        #expect(try standing() == (4, unread))
        _ = try requeue(unread, seed: 9, in: fixture)
        #expect(try standing() == (3, jobs[2]))
        _ = try fixture.admit(3)  // dropped again
        #expect(try standing() == (2, jobs[1]))
        #expect(try standing(Date() + 3_600) == (0, nil))
    }

    @Test("a done job is requeued as a job that supersedes it; its rows stay, the newest are the latest")
    func supersede() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        try fixture.store.markFiled(job, as: "1--a")
        let next = try requeue(job, seed: 1, in: fixture)
        #expect(next.state == .queued)
        #expect(next.supersedes == job)
        try fixture.store.begin(next.jobID, Fixture.execution)
        try fixture.store.complete(next.jobID, Fixture.batch, Timings())
        try fixture.outside { database throws in
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_results") == 6)
            let latest = try Int64.fetchAll(database, sql: "SELECT DISTINCT job_id FROM v1_latest")
            #expect(latest == [next.jobID])
        }
    }

    @Test(
        "a job that was to supersede another and comes to nothing leaves its bytes to that one: they are not done twice",
        arguments: ["failed", "cancelled", "overwritten"])
    func supersedesInVain(end: String) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        try fixture.store.markFiled(job, as: "1--a")
        let next = try requeue(job, seed: 1, in: fixture).jobID
        switch end {
        case "failed":
            try fixture.store.begin(next, Fixture.execution)
            try fixture.store.fail(next, Failure(.deadline, "slow"))
        case "cancelled": try fixture.store.cancel(next)
        default:
            let other = try fixture.store.reidentify(next, sha256: Fixture.digest(2), rows: 3, fileBytes: 9)
            #expect(other.supersedes == nil)
        }
        let dropped = try fixture.admit(1)
        #expect(dropped.state == .duplicate && dropped.duplicateOf == job)
        #expect(try requeue(job, seed: 1, in: fixture).supersedes == job)
    }

    @Test("what is not settled, not filed, a duplicate or gone on to another job cannot be requeued")
    func refused() throws {
        let fixture = try Fixture()
        for (seed, state) in [JobState.queued, .running, .retrying, .held, .duplicate].enumerated() {
            let job = try fixture.job(in: state, seed: seed)
            #expect(code { _ = try fixture.store.requeue(job, token: "t") } == .wrongState)
        }
        let done = try fixture.job(in: .done, seed: 10)
        #expect(code { _ = try fixture.store.requeue(done, token: "t") } == .wrongState)
        try fixture.store.markFiled(done, as: "x")
        _ = try fixture.store.requeue(done, token: "t")
        #expect(code { _ = try fixture.store.requeue(done, token: "u") } == .wrongState)

        let failed = try fixture.job(in: .failed, seed: 11)
        try fixture.store.markFiled(failed, as: "x")
        _ = try fixture.admit(11)
        #expect(code { _ = try fixture.store.requeue(failed, token: "v") } == .wrongState)
    }

    @Test(
        "after a crash, running jobs try again with the attempt counted: the first may be a neighbour's, whatever is allowed",
        arguments: [1, 3])
    func crash(allowed: Int) throws {
        let fixture = try Fixture()
        let (job, other) = (try fixture.admit(1).jobID, try fixture.admit(2).jobID)
        #expect(try fixture.store.begin(job, Fixture.execution) == 1)
        try fixture.store.close()
        let again = try Store.open(path: fixture.path)
        defer { try? again.close() }
        let found = try again.recoverInterrupted(attemptsAllowed: { _ in allowed }, mostRetries: 12)
        #expect(found.map(\.id) == [job])
        #expect(found.first?.attempts == 1 && found.first?.errorCode == "crashed")
        #expect(found.first?.state == .retrying)
        #expect(try again.recoverInterrupted(attemptsAllowed: { _ in allowed }, mostRetries: 12).isEmpty)
        #expect(try again.job(other).state == .queued)
    }

    @Test("a job with an attempt counted before is given back when the service ends, so often and no more")
    func givenBack() throws {
        let fixture = try Fixture()
        let job = try fixture.admit(1).jobID
        try fixture.store.begin(job, Fixture.execution)
        try fixture.store.retry(job, Failure(.deadline, "as before"), notBefore: .distantPast)
        for end in 1...3 {
            #expect(try fixture.store.begin(job, Fixture.execution) == 2)
            let found = try fixture.store.recoverInterrupted(attemptsAllowed: { _ in 2 }, mostRetries: 3).first
            #expect(found?.state == (end < 3 ? .queued : .failed) && found?.attempts == (end < 3 ? 1 : 2))
        }
    }
}
