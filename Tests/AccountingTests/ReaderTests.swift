import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Reading")
struct ReaderTests {
    @Test("a reader works with the writer up, closed, and open again")
    func upAndDown() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        let early = try StoreReader.open(path: fixture.path)
        #expect(try early.job(job).state == .done)
        try fixture.store.close()
        let late = try StoreReader.open(path: fixture.path)
        #expect(try late.results().count == 3)
        #expect(try early.results().count == 3)
        try fixture.reopen()
        let next = try fixture.admit(2).jobID
        #expect(try early.job(next).state == .queued)
        #expect(try late.job(next).state == .queued)
    }

    @Test("following the cursor meets every row once, in order, page after page")
    func cursor() throws {
        let fixture = try Fixture()
        let reader = try StoreReader.open(path: fixture.path)
        var met: [Int64] = []
        for seed in 0..<5 {
            _ = try fixture.job(in: .done, seed: seed)
            while case let page = try reader.results(after: met.last ?? 0, limit: 2), !page.isEmpty {
                met += page.map(\.seq)
            }
        }
        #expect(met == Array(1...15))
        #expect(try reader.results(after: 3, jobID: 2).map(\.seq) == [4, 5, 6])
        let others = try reader.page(pipeline: "texts")
        #expect(others.results.isEmpty && others.next == 15)
        #expect(try reader.page(after: 15).next == 15)
        #expect(try reader.page(after: .max, pipeline: "texts").next == .max)
        #expect(try reader.info().lastResult == 15)
    }

    @Test("a pipeline's rows are reached past any number of others, a span at a time; the cursor never stands still")
    func rareRows() throws {
        let fixture = try Fixture()
        let rows = 3 * Int(StoreReader.pageSpan)
        let long = try fixture.admit(1, rows: rows).jobID
        try fixture.store.begin(long, Fixture.execution)
        let batch = ResultBatch(
            rows: rows, ids: .ordinal, statuses: Array(repeating: 1, count: rows), topK: 1,
            topClasses: Array(repeating: -1, count: rows), topScores: Array(repeating: 0, count: rows),
            margins: Array(repeating: 0, count: rows), classNames: ["cat", "dog"])
        try fixture.store.complete(long, batch, Timings())
        let reader = try StoreReader.open(path: fixture.path)
        var (cursor, pages) = (Int64(0), 0)
        while case let page = try reader.page(after: cursor, limit: 10, pipeline: "rare"), page.next > cursor {
            #expect(page.results.isEmpty && page.next - cursor <= StoreReader.pageSpan)
            (cursor, pages) = (page.next, pages + 1)
        }
        #expect(cursor == Int64(rows) && pages == 3)
    }

    @Test("jobs are filtered by state, pipeline and the beginning of their digest")
    func filter() throws {
        let fixture = try Fixture()
        for (seed, state) in JobState.allCases.enumerated() { _ = try fixture.job(in: state, seed: seed * 16) }
        _ = try fixture.admit(1_000, pipeline: "texts")
        let reader = try StoreReader.open(path: fixture.path)
        for state in JobState.allCases {
            let found = try reader.jobs(JobFilter(states: [state], pipeline: "photos"))
            #expect(found.allSatisfy { $0.state == state } && !found.isEmpty)
        }
        #expect(try reader.jobs(JobFilter(pipeline: "texts")).count == 1)
        #expect(try reader.jobs(JobFilter(sha256: Fixture.digest(1_000))).map(\.pipeline) == ["texts"])
        #expect(try reader.jobs(JobFilter(sha256: "0000")).count == 10)
        #expect(try reader.jobs(JobFilter(sha256: "F")).isEmpty)
        #expect(try reader.jobs(JobFilter(after: 8)).map(\.jobID) == [9, 10])
        #expect(try reader.jobs(JobFilter(before: 9, newestFirst: true, limit: 2)).map(\.jobID) == [8, 7])
        #expect(code { _ = try reader.job(99) } == .notFound)
    }

    @Test("counts are the sums over the jobs, whatever happened to them")
    func counts() throws {
        let fixture = try Fixture()
        for (seed, state) in (JobState.allCases + JobState.allCases).enumerated() {
            _ = try fixture.job(in: state, seed: seed)
        }
        let reader = try StoreReader.open(path: fixture.path)
        let counts = try #require(try reader.counts().first)
        try fixture.outside { database throws in
            for state in JobState.allCases {
                let number = try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM v1_jobs WHERE state = ?", arguments: [state.rawValue])
                #expect(counts.jobs[state] == number, "\(state)")
            }
        }
        #expect(counts.rowsOK == 4)
        #expect(counts.rowsFailed == 2)
        let waiting: [JobState] = [.queued, .running, .retrying, .held]
        #expect(counts.rowsWaiting == waiting.reduce(0) { $0 + 3 * (counts.jobs[$1] ?? 0) })
        #expect(counts.oldestWaitingSince != nil)
        let json = try JSONEncoder().encode(counts)
        let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        #expect((object["jobs"] as? [String: Int])?["retrying"] == 2)
    }

    @Test("records keep their snake_case names through JSON and back")
    func json() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        let reader = try StoreReader.open(path: fixture.path)
        let record = try reader.job(job)
        #expect(try JSONDecoder().decode(JobRecord.self, from: JSONEncoder().encode(record)) == record)
        let row = try reader.results()[0]
        let text = try String(decoding: JSONEncoder().encode(row), as: UTF8.self)
        #expect(text.contains(#""top_k":[["dog",0.75],["cat",0.25]]"#))
        #expect(text.contains(#""item_id":"0""#))
        let change = try reader.changes()[0]
        #expect(try String(decoding: JSONEncoder().encode(change), as: UTF8.self).contains(#""to_state":"queued""#))
    }

    @Test("a reader cannot write")
    func readOnly() throws {
        let fixture = try Fixture()
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: fixture.path, configuration: configuration)
        #expect(throws: DatabaseError.self) {
            try queue.read { try $0.execute(sql: "DELETE FROM claims") }
        }
    }

    @Test("a call that takes longer than the reader's patience ends with deadline, and the next one is answered")
    func patience() throws {
        let fixture = try Fixture()
        let job = try fixture.admit(1, rows: 20_000).jobID
        try fixture.store.begin(job, Fixture.execution)
        let rows = 20_000
        let batch = ResultBatch(
            rows: rows, ids: .ordinal, statuses: Array(repeating: 1, count: rows), topK: 1,
            topClasses: Array(repeating: -1, count: rows), topScores: Array(repeating: 0, count: rows),
            margins: Array(repeating: 0, count: rows), classNames: ["cat", "dog"])
        try fixture.store.complete(job, batch, Timings())
        let reader = try StoreReader.open(path: fixture.path, patience: .zero)
        #expect(code { _ = try reader.page(pipeline: "rare") } == .deadline)
        #expect(try reader.job(job).rows == rows)
        #expect(try StoreReader.open(path: fixture.path).page(pipeline: "rare").results.isEmpty)
    }

    @Test("a long reader neither blocks commits nor is disturbed by them")
    func longReader() throws {
        let fixture = try Fixture()
        _ = try fixture.job(in: .done, seed: 1)
        try fixture.outside { database throws in
            try database.inTransaction(.deferred) {
                #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_results") == 3)
                _ = try fixture.job(in: .done, seed: 2)
                try fixture.store.checkpoint(truncating: true)
                #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_results") == 3)
                return .commit
            }
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_results") == 6)
        }
    }
}
