import Accounting
import Failures
import Foundation
import GRDB
import Synchronization
import Testing

@Suite("Query plans")
struct QueryPlanTests {
    /// Those that grow with every batch.
    private static let large = ["jobs", "results", "changes", "identities", "r", "j", "i", "c", "older"]

    private final class Heard: Sendable {
        let statements = Mutex<Set<String>>([])
    }

    @Test("no statement that runs while the service serves goes through a whole table, or sorts one")
    func everyStatement() throws {
        let fixture = try Fixture()
        let heard = Heard()
        let reader = try StoreReader.open(path: fixture.path)
        for trace in [fixture.store.trace, reader.trace] {
            try trace { sql in _ = heard.statements.withLock { $0.insert(sql) } }
        }
        try serve(fixture)
        try retire(fixture)
        try ask(reader)

        let statements = heard.statements.withLock { $0 }.filter { sql in
            ["SELECT", "UPDATE", "DELETE", "INSERT"].contains { sql.hasPrefix($0) }
        }
        #expect(statements.count > 40)
        try fixture.outside { database throws in
            for sql in statements {
                let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
                statement.setUncheckedArguments([])
                let plan = try Row.fetchAll(statement).map { $0["detail"] as String }
                let scans = plan.filter { step in
                    let words = step.split(separator: " ")
                    // The index of what is not filed holds what is under way, and nothing else.
                    return words.count > 1 && words[0] == "SCAN" && Self.large.contains(String(words[1]))
                        && !step.hasSuffix("jobs_unfiled")
                }
                // The list of all jobs goes by their number and ends at its limit.
                let isList = sql.hasPrefix("SELECT * FROM v1_jobs ORDER BY job_id") && sql.hasSuffix("LIMIT ?")
                #expect(scans.isEmpty || isList, "\(sql): \(plan)")
                // What waits may be sorted: it is as much as there is to do, and not as much as was ever done.
                let isBacklog = sql.contains("state IN ('queued', ") || sql.contains("FROM claims\n")
                #expect(isBacklog || !plan.contains { $0.contains("TEMP B-TREE") }, "\(sql): \(plan)")
            }
        }
    }

    /// Every step that a batch can take.
    private func serve(_ fixture: Fixture) throws {
        let store = fixture.store
        for (seed, state) in JobState.allCases.enumerated() {
            let job = try fixture.job(in: state, seed: seed)
            if state == .held { try store.release(job) }
            if state == .running {
                let next = try fixture.admit(100).jobID
                try store.begin(next, Fixture.execution, besides: (job, Timings()))
                try store.returnToQueue(next)
                _ = try store.reidentify(next, sha256: Fixture.digest(101), rows: 1, fileBytes: 1)
            }
            if state.isSettled { try store.markFiled(job, as: "\(job)--a") }
            if state == .failed { _ = try store.requeue(job, token: "again") }
            _ = try store.job(job)
        }
        _ = try store.refuse(
            token: "bad", pipeline: "photos", name: [1], sha256: Fixture.digest(9), failure: Failure(.internal, ""))
        _ = try store.recoverInterrupted(attemptsAllowed: { _ in 3 }, mostRetries: 12)
        _ = try (store.unsettled(pipeline: "photos"), store.unfiled(), store.tokensInWork(pipeline: "photos"))
        _ = try (store.claims(pipeline: "photos"), store.isToBeCompared())
        try store.forgetClaim("again")
    }

    private func retire(_ fixture: Fixture) throws {
        let (store, soon) = (fixture.store, Date(timeIntervalSinceNow: 1))
        for state in JobState.allCases where state.isSettled {
            let files = try store.expiredInputs(pipeline: "photos", state: state, before: soon, after: nil, limit: 10)
            #expect(!files.isEmpty)
            try store.markInputsRemoved(files.map(\.job))
        }
        try store.markFeaturesRemoved(
            store.expiredFeatures(pipeline: "photos", before: soon, after: nil, limit: 10).map(\.job) + [1])
        #expect(try store.retireSomeResults(pipeline: "photos", before: soon).jobs > 0)
        while try store.deleteSomeRows() {}
        #expect(try store.deleteSomeJobs(pipeline: "photos", before: soon) > 0)
    }

    private func ask(_ reader: StoreReader) throws {
        _ = try (reader.jobs(), reader.jobs(JobFilter(newestFirst: true)), reader.job(1))
        _ = try reader.jobs(JobFilter(states: [.failed]))
        _ = try reader.jobs(JobFilter(states: [.failed], pipeline: "photos", newestFirst: true))
        _ = try reader.jobs(JobFilter(pipeline: "photos", after: 3, before: 9))
        _ = try (reader.changes(jobID: 1), reader.changes(after: 2), reader.filedName(of: 1))
        _ = try (reader.results(after: 1), reader.page(after: 1, jobID: 5), reader.page(after: 1, pipeline: "photos"))
        _ = try (reader.counts(), reader.info(), reader.expectedInWork())
        _ = try (reader.queueAges(), reader.settlements(after: 1, span: 9), reader.lastChange(before: Date()))
        _ = try reader.distribution(pipeline: "photos")
        _ = try (reader.standingFailures(since: .distantPast), reader.successor(of: 1))
        _ = try reader.expired(pipeline: "photos", Horizons(jobs: Date()))
    }
}
