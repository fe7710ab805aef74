import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Retention in the store")
struct RetentionTests {
    private let fixture: Fixture
    private var store: Store { fixture.store }

    init() throws {
        fixture = try Fixture()
    }

    /// A moment after all that has happened.
    private var now: Date { Date(timeIntervalSinceNow: 1) }

    private func settled(_ state: JobState, seed: Int) throws -> JobID {
        let job = try fixture.job(in: state, seed: seed)
        try store.markFiled(job, as: "\(job)--a.safetensors")
        return job
    }

    /// As a run of retention does it when everything has had its time.
    private func removeAll(_ pipeline: String = "photos") throws -> Int {
        for state in JobState.allCases where state.isSettled {
            let files = try store.expiredInputs(
                pipeline: pipeline, state: state, before: now, after: nil, limit: 1_000)
            try store.markInputsRemoved(files.map(\.job))
        }
        while try store.retireSomeResults(pipeline: pipeline, before: now).jobs > 0 {}
        while try store.deleteSomeRows() {}
        var count = 0
        while true {
            let gone = try store.deleteSomeJobs(pipeline: pipeline, before: now)
            if gone == 0 { return count }
            count += gone
        }
    }

    private func number(_ sql: String) throws -> Int {
        try fixture.outside { try Int.fetchOne($0, sql: sql) ?? -1 }
    }

    @Test("a job's rows go out of sight all at once, before they are deleted, and the store says up to where it is so")
    func rows() throws {
        let first = try settled(.done, seed: 1)
        let second = try settled(.done, seed: 2)
        let last = try number("SELECT max(seq) FROM v1_results")
        #expect(try store.retireSomeResults(pipeline: "other", before: now).jobs == 0)
        #expect(try store.retireSomeResults(pipeline: "photos", before: now) == (2, 6))
        #expect(try number("SELECT count(*) FROM v1_results") == 0)
        #expect(try number("SELECT count(*) FROM v1_latest") == 0)
        #expect(try number("SELECT count(*) FROM results") == 6)
        while try store.deleteSomeRows() {}
        #expect(try number("SELECT count(*) FROM results") == 0)
        #expect(try number("SELECT results_removed_through FROM v1_store") == last)

        let reader = try StoreReader.open(path: fixture.path)
        #expect(try reader.job(first).resultsRemovedAt != nil && reader.job(second).rows == 3)
        // Deleting the newest rows does not give their numbers out again, nor make the store forget them.
        #expect(try reader.info().lastResult == Int64(last))
        let third = try settled(.done, seed: 3)
        #expect(try reader.results(after: Int64(last)).map(\.jobID) == [third, third, third])
        #expect(try reader.info().resultsRemovedThrough == Int64(last))
    }

    @Test("the same bytes, dropped again after their job was deleted, are a duplicate of it; not those of a failed one")
    func ledger() throws {
        let done = try settled(.done, seed: 1)
        for (seed, state) in [(2, JobState.failed), (3, .cancelled)] { _ = try settled(state, seed: seed) }
        #expect(try removeAll() == 3)
        #expect(try number("SELECT count(*) FROM v1_jobs") == 0)
        let again = try fixture.admit(1)
        #expect(again.state == .duplicate && again.duplicateOf == done)
        for seed in 2...3 { #expect(try fixture.admit(seed).state == .queued) }
        // Asked for, they are computed anew; and if that comes to nothing, they are still those of the deleted job.
        let asked = try fixture.admit(1, again: true)
        #expect(asked.state == .queued && asked.supersedes == done)
        try store.cancel(asked.jobID)
        #expect(try fixture.admit(1).duplicateOf == done)
    }

    @Test("jobs that are not settled, not filed or on their way again lose nothing", arguments: JobState.allCases)
    func untouched(state: JobState) throws {
        let job = try fixture.job(in: state, seed: 1)
        if state == .done || state.filesUnderFailed {
            // Requeued: its file is being taken back.
            try store.markFiled(job, as: "1--a")
            _ = try store.requeue(job, token: "t")
        }
        let rows = try number("SELECT count(*) FROM v1_jobs")
        // Before it is filed a duplicate's file is in work/ like any other's.
        for pipeline in ["photos", "other"] { #expect(try removeAll(pipeline) == 0) }
        #expect(try number("SELECT count(*) FROM v1_jobs") == rows)
        #expect(try number("SELECT count(*) FROM jobs WHERE input_removed_at IS NOT NULL") == 0)
    }

    @Test("after jobs were deleted, replaying what is left of the changes gives the jobs that are left")
    func replay() throws {
        for seed in 1...4 { _ = try settled(seed.isMultiple(of: 2) ? .done : .failed, seed: seed) }
        let removed = try number("SELECT max(seq) FROM v1_changes")
        _ = try removeAll()
        for (seed, state) in [(5, JobState.held), (6, .done), (7, .retrying)] {
            _ = try fixture.job(in: state, seed: seed)
        }
        let reader = try StoreReader.open(path: fixture.path)
        var replayed: [JobID: JobState] = [:]
        for change in try reader.changes() {
            #expect(replayed[change.jobID] == change.fromState)
            replayed[change.jobID] = change.toState
        }
        let states = try reader.jobs().map { ($0.jobID, $0.state) }
        #expect(replayed == Dictionary(uniqueKeysWithValues: states) && replayed.count == 3)
        #expect(try reader.info().changesRemovedThrough == Int64(removed))
        #expect(try reader.counts()[0].jobs[.done] == 1)
        #expect(try store.integrityErrors() == [])
    }

    @Test("what is counted beforehand is what goes")
    func counted() throws {
        for (seed, state) in [(1, JobState.done), (2, .done), (3, .failed), (4, .duplicate)] {
            _ = try settled(state, seed: seed)
        }
        let reader = try StoreReader.open(path: fixture.path)
        let counts = try reader.expired(pipeline: "photos", Horizons(jobs: now))
        #expect(counts.inputs == 3 && counts.failed == 1 && counts.results == 6 && counts.jobs == 4)
        #expect(try reader.expired(pipeline: "photos", Horizons(jobs: now.addingTimeInterval(-3_600))).isEmpty)
        #expect(try removeAll() == 4)
        #expect(try reader.expired(pipeline: "photos", Horizons(jobs: now)).isEmpty)
    }

    @Test("many rows are deleted in many steps")
    func steps() throws {
        let rows = 300_000
        let job = try fixture.admit(1, rows: rows).jobID
        try store.begin(job, Fixture.execution)
        try store.complete(
            job,
            ResultBatch(
                rows: rows, ids: .ordinal, statuses: [UInt8](repeating: 1, count: rows), topK: 1,
                topClasses: [Int32](repeating: -1, count: rows), topScores: [Float](repeating: 0, count: rows),
                margins: [Float](repeating: 0, count: rows), classNames: ["cat"]), Timings())
        _ = try store.retireSomeResults(pipeline: "photos", before: now)
        var steps = 0
        while try store.deleteSomeRows() { steps += 1 }
        #expect(steps >= 3)
        #expect(try number("SELECT count(*) FROM results") == 0)
    }
}
