import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Admission and identity")
struct AdmissionTests {
    @Test("a claim note is kept until its file is a job, and any name survives")
    func claims() throws {
        let fixture = try Fixture()
        let name: [UInt8] = [0x66, 0xFF, 0x0A, 0xC3]
        let note = ClaimNote(token: "t", pipeline: "photos", name: name, again: true)
        try fixture.store.noteClaims([note, ClaimNote(token: "u", pipeline: "texts", name: [0x61])])
        #expect(try fixture.store.claims(pipeline: "photos") == [note])
        #expect(try fixture.store.claims().count == 2)
        try fixture.store.forgetClaim("u")
        let admitted = try fixture.store.admit(
            Admission(token: "t", pipeline: "photos", name: name, sha256: Fixture.digest(1), rows: 1, fileBytes: 1))
        #expect(try fixture.store.claims().isEmpty)
        #expect(try fixture.store.job(admitted.jobID).name == name)
        let reader = try StoreReader.open(path: fixture.path)
        #expect(try reader.job(admitted.jobID).fileName == "f\\xFF\\x0A\\xC3")
    }

    @Test(
        "the same bytes are a duplicate while their job stands",
        arguments: [JobState.queued, .running, .retrying, .held, .done])
    func duplicates(state: JobState) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: state, seed: 1)
        let second = try fixture.admit(1, name: "other.safetensors")
        #expect(second.state == .duplicate)
        #expect(second.duplicateOf == job)
        // A third is a duplicate of the first, not of the second.
        #expect(try fixture.admit(1).duplicateOf == job)
    }

    @Test("bytes of a failed or cancelled job are a new attempt", arguments: [JobState.failed, .cancelled])
    func newAttempt(state: JobState) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: state, seed: 1)
        let second = try fixture.admit(1)
        #expect(second.state == .queued)
        #expect(second.jobID > job)
        #expect(second.supersedes == nil)
        #expect(try fixture.admit(1).duplicateOf == second.jobID)
    }

    @Test("another pipeline is another identity")
    func pipelines() throws {
        let fixture = try Fixture()
        _ = try fixture.admit(1)
        #expect(try fixture.admit(1, pipeline: "texts").state == .queued)
    }

    @Test("with again, done bytes become a job that supersedes; bytes under way stay a duplicate")
    func again() throws {
        let fixture = try Fixture()
        let running = try fixture.job(in: .running, seed: 1)
        #expect(try fixture.admit(1, again: true).duplicateOf == running)
        let done = try fixture.job(in: .done, seed: 2)
        let next = try fixture.admit(2, again: true)
        #expect(next.state == .queued)
        #expect(next.supersedes == done)
        #expect(try fixture.admit(2).duplicateOf == next.jobID)
    }

    @Test("a token that was admitted before gets the same answer, and no second job")
    func idempotent() throws {
        let fixture = try Fixture()
        let admission = Admission(
            token: "t", pipeline: "photos", name: [0x61], sha256: Fixture.digest(1), rows: 1, fileBytes: 1)
        let first = try fixture.store.admit(admission)
        #expect(try fixture.store.admit(admission) == first)
        #expect(
            try fixture.store.refuse(token: "t", pipeline: "photos", name: [0x61], failure: Failure(.internal, ""))
                == first.jobID)
        #expect(try fixture.outside { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_jobs") } == 1)
    }

    @Test("a refused file is a job born failed, with its reason")
    func refused() throws {
        let fixture = try Fixture()
        let failure = Failure(.corruptZstd, "The frame is broken: pack it again.")
        let job = try fixture.store.refuse(
            token: "t", pipeline: "photos", name: [0x61], sha256: Fixture.digest(1), failure: failure)
        let record = try StoreReader.open(path: fixture.path).job(job)
        #expect(record.state == .failed)
        #expect(record.errorCode == "corrupt_zstd")
        #expect(record.errorMessage == failure.message)
        #expect(record.finishedAt != nil)
        #expect(try fixture.admit(1).state == .queued)
    }

    @Test("refusing bytes that are done leaves them their job")
    func refusedLater() throws {
        let fixture = try Fixture()
        let done = try fixture.job(in: .done, seed: 1)
        try fixture.store.refuse(
            token: "t", pipeline: "photos", name: [0x61], sha256: Fixture.digest(1), failure: Failure(.tooLarge, "big"))
        #expect(try fixture.admit(1).duplicateOf == done)
    }

    @Test("the ledger remembers bytes whose job retention has removed")
    func ledger() throws {
        let fixture = try Fixture()
        let done = try fixture.job(in: .done, seed: 1)
        try fixture.outside {
            try $0.execute(sql: "DELETE FROM results; DELETE FROM changes; DELETE FROM jobs")
        }
        let second = try fixture.admit(1)
        #expect(second.duplicateOf == done)
        #expect(second.jobID > done)
    }

    @Test("a file that was overwritten while it waited takes on its new bytes")
    func reidentified() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .retrying, seed: 1)
        let answer = try fixture.store.reidentify(job, sha256: Fixture.digest(2), rows: 9, fileBytes: 8)
        #expect(answer.jobID == job)
        #expect(answer.state == .retrying)
        #expect(try fixture.store.job(job).rows == 9)
        #expect(try fixture.admit(2).duplicateOf == job)
        #expect(try fixture.admit(1).state == .queued)
    }

    @Test("a file that was overwritten with another job's bytes is cancelled")
    func reidentifiedAsAnother() throws {
        let fixture = try Fixture()
        let other = try fixture.admit(2).jobID
        let job = try fixture.admit(1).jobID
        let answer = try fixture.store.reidentify(job, sha256: Fixture.digest(2), rows: 9, fileBytes: 8)
        #expect(answer.state == .cancelled)
        #expect(answer.duplicateOf == other)
        #expect(try fixture.state(job) == .cancelled)
    }
}
