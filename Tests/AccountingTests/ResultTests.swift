import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Results")
struct ResultTests {
    private func complete(_ batch: ResultBatch, in fixture: Fixture) throws -> JobID {
        let job = try fixture.job(in: .running, seed: 1)
        try fixture.store.complete(job, batch, Timings())
        return job
    }

    @Test("rows hold what was computed, and nothing but the status where nothing was")
    func content() throws {
        let fixture = try Fixture()
        let job = try complete(Fixture.batch, in: fixture)
        let rows = try StoreReader.open(path: fixture.path).results()
        try #require(rows.count == 3)
        let expected = """
            [{"seq": 1, "job_id": \(job), "pipeline": "photos", "row": 0, "item_id": "0", "label": "dog", "class": 1,
              "score": 0.75, "margin": 0.5, "status": "ok", "top_k": [["dog", 0.75], ["cat", 0.25]], "refined": 1},
             {"seq": 2, "job_id": \(job), "pipeline": "photos", "row": 1, "item_id": "1", "status": "non_finite",
              "refined": 0}]
            """
        #expect(try Array(rows[..<2]) == JSONDecoder().decode([ResultRecord].self, from: Data(expected.utf8)))
        #expect(rows[2].label == "cat")
        let text = try fixture.outside { try String.fetchOne($0, sql: "SELECT top_k FROM v1_results WHERE row = 0") }
        #expect(text == #"[["dog",0.75],["cat",0.25]]"#)
    }

    @Test("every status has its name and NULLs beside it")
    func statuses() throws {
        let fixture = try Fixture()
        let batch = ResultBatch(
            rows: 4, ids: .ordinal, statuses: [0, 1, 2, 3], topK: 1, topClasses: [0, -1, -1, -1],
            topScores: [1, .nan, 0, 0], margins: [1, .nan, 0, 0], classNames: ["only"], refined: false)
        _ = try complete(batch, in: fixture)
        let rows = try StoreReader.open(path: fixture.path).results()
        #expect(rows.map(\.status) == ["ok", "non_finite", "zero_norm", "diverged"])
        #expect(rows.dropFirst().allSatisfy { $0.label == nil && $0.class == nil && $0.score == nil })
        #expect(rows.dropFirst().allSatisfy { $0.margin == nil && $0.topK == nil })
        #expect(rows.map(\.refined) == [0, 0, 0, 0])
    }

    @Test("scores are the very Floats, in the column and in the JSON")
    func exact() throws {
        let fixture = try Fixture()
        let scores: [Float] = [0.1, 1.0 / 3, 0.999_999_94, .leastNonzeroMagnitude, .leastNormalMagnitude, 1, 1e-5, 0]
        let batch = ResultBatch(
            rows: scores.count, ids: .ordinal, statuses: Array(repeating: 0, count: scores.count), topK: 1,
            topClasses: Array(repeating: 0, count: scores.count), topScores: scores, margins: scores,
            classNames: ["only"])
        _ = try complete(batch, in: fixture)
        let rows = try StoreReader.open(path: fixture.path).results()
        #expect(rows.map { $0.score.map { Float($0) } } == scores)
        #expect(rows.map { $0.margin.map { Float($0) } } == scores)
        #expect(rows.map { $0.topK?.first.map { Float($0.score) } } == scores)
    }

    @Test("the callers' ids come back as text, to the last digit and byte")
    func ids() throws {
        let integers: [Int64] = [0, -1, 7, 10, .max, .min]
        let texts = ["", "a", "é", "日本", "a'b\"c\\", String(repeating: "x", count: 300)]
        var bytes: [UInt8] = []
        var offsets: [Int64] = [0]
        for text in texts {
            bytes += Array(text.utf8)
            offsets.append(Int64(bytes.count))
        }
        for (ids, expected) in [
            (ResultIDs.integers(integers), integers.map { String($0) }),
            (.utf8(bytes: bytes, offsets: offsets), texts),
            (.ordinal, (0..<6).map { String($0) }),
        ] {
            let fixture = try Fixture()
            let batch = ResultBatch(
                rows: 6, ids: ids, statuses: Array(repeating: 0, count: 6), topK: 1,
                topClasses: Array(repeating: 0, count: 6), topScores: Array(repeating: 1, count: 6),
                margins: Array(repeating: 1, count: 6), classNames: ["only"])
            _ = try complete(batch, in: fixture)
            #expect(try StoreReader.open(path: fixture.path).results().map(\.itemID) == expected)
            let types = try fixture.outside {
                try String.fetchAll($0, sql: "SELECT DISTINCT typeof(item_id) FROM v1_results")
            }
            #expect(types == ["text"])
        }
    }

    @Test("ids that are all empty text are empty text, not NULL")
    func emptyIDs() throws {
        let fixture = try Fixture()
        var batch = Fixture.batch
        batch.ids = .utf8(bytes: [], offsets: [0, 0, 0, 0])
        _ = try complete(batch, in: fixture)
        #expect(try StoreReader.open(path: fixture.path).results().map(\.itemID) == ["", "", ""])
    }

    @Test("class names that JSON must escape survive, in the label and in top_k")
    func escapes() throws {
        let names = ["quote \" mark", "back\\slash", "line\nbreak\tand \u{1} control", "日本 é 🙂", "", "</script>"]
        let fixture = try Fixture()
        let batch = ResultBatch(
            rows: names.count, ids: .ordinal, statuses: Array(repeating: 0, count: names.count), topK: names.count,
            topClasses: (0..<names.count).flatMap { first in
                (0..<names.count).map { Int32((first + $0) % names.count) }
            },
            topScores: Array(repeating: 0.166_666_67, count: names.count * names.count),
            margins: Array(repeating: 0, count: names.count), classNames: names)
        _ = try complete(batch, in: fixture)
        let rows = try StoreReader.open(path: fixture.path).results()
        #expect(rows.map(\.label) == names)
        #expect(rows.map { $0.topK?.first?.label } == names)
        #expect(rows[2].topK?.map(\.label) == Array(names[2...] + names[..<2]))
        // SQLite's own JSON reads it too.
        let first = try fixture.outside {
            try String.fetchAll($0, sql: "SELECT json_extract(top_k, '$[0][0]') FROM v1_results ORDER BY row")
        }
        #expect(first == names)
    }

    @Test(
        "columns that do not fit together are refused before anything is written",
        arguments: [
            { (batch: inout ResultBatch) in batch.statuses.removeLast() },
            { $0.margins.append(0) },
            { $0.topClasses.removeLast() },
            { $0.topScores.removeLast() },
            { $0.topClasses[0] = 2 },
            { $0.topClasses[1] = -1 },
            { $0.topScores[0] = .nan },
            { $0.topScores[1] = .infinity },
            { $0.margins[0] = .nan },
            { $0.statuses[1] = 4 },
            { $0.ids = .integers([1, 2]) },
            { $0.ids = .utf8(bytes: [97], offsets: [0, 0, 1]) },
            { $0.ids = .utf8(bytes: [97], offsets: [0, 1, 0, 1]) },
            { $0.ids = .utf8(bytes: [97], offsets: [0, 0, 0, 2]) },
            { $0.ids = .utf8(bytes: [0xC3, 0xA9], offsets: [0, 1, 2, 2]) },
            { $0.ids = .utf8(bytes: [0xFF], offsets: [0, 0, 1, 1]) },
            { $0.ids = .utf8(bytes: [0x61, 0], offsets: [0, 0, 1, 2]) },
        ] as [@Sendable (inout ResultBatch) -> Void])
    func invalid(spoil: @Sendable (inout ResultBatch) -> Void) throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .running, seed: 1)
        var batch = Fixture.batch
        spoil(&batch)
        #expect(code { try fixture.store.complete(job, batch, Timings()) } == .internal)
        #expect(try fixture.state(job) == .running)
        #expect(try StoreReader.open(path: fixture.path).results().isEmpty)
    }

    @Test("a batch of any length, over any number of statements, is stored row for row")
    func lengths() throws {
        let fixture = try Fixture()
        for rows in [0, 1, 15, 16, 17, 31, 32, 33, 100] {
            let job = try fixture.job(in: .running, seed: rows)
            let statuses = (0..<rows).map { UInt8($0 % 5 == 3 ? $0 % 4 : 0) }
            let batch = ResultBatch(
                rows: rows, ids: .integers((0..<rows).map { Int64(1_000 - $0) }), statuses: statuses, topK: 2,
                topClasses: (0..<rows).flatMap { [Int32($0 % 3), Int32(($0 + 1) % 3)] },
                topScores: (0..<rows).flatMap { [Float($0), Float($0) / 3] }, margins: (0..<rows).map { -Float($0) },
                classNames: ["a", "b\"", "c"])
            try fixture.store.complete(job, batch, Timings())
            let stored = try StoreReader.open(path: fixture.path).results(jobID: job)
            #expect(stored.map(\.row) == Array(0..<rows))
            #expect(stored.map(\.itemID) == (0..<rows).map { String(1_000 - $0) })
            for row in stored {
                let isOK = statuses[row.row] == 0
                #expect((row.status == "ok") == isOK)
                #expect(row.class == (isOK ? row.row % 3 : nil))
                #expect(row.score == (isOK ? Double(row.row) : nil))
                #expect(row.margin == (isOK ? -Double(row.row) : nil))
                #expect(row.topK?.map(\.label) == (isOK ? [0, 1].map { ["a", "b\"", "c"][(row.row + $0) % 3] } : nil))
            }
        }
    }

    @Test("rows become visible all together or not at all, also when the disk fills in the middle")
    func atomic() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .running, seed: 1)
        let rows = 20_000
        let batch = ResultBatch(
            rows: rows, ids: .ordinal, statuses: Array(repeating: 0, count: rows), topK: 1,
            topClasses: Array(repeating: 0, count: rows), topScores: Array(repeating: 1, count: rows),
            margins: Array(repeating: 1, count: rows), classNames: ["only"])
        let pages = try #require(try fixture.store.pragma("page_count").flatMap { Int($0) })
        try fixture.store.limit(pages: pages + 100)
        #expect(code { try fixture.store.complete(job, batch, Timings()) } == .noSpace)
        let reader = try StoreReader.open(path: fixture.path)
        #expect(try reader.results().isEmpty)
        #expect(try reader.job(job).state == .running)
        try fixture.store.retry(job, Failure(.noSpace, "full"), notBefore: Date())
        try fixture.store.limit(pages: 1_000_000)
        try fixture.store.begin(job, Fixture.execution)
        try fixture.store.complete(job, batch, Timings())
        #expect(try fixture.outside { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_results") } == rows)
        #expect(try fixture.store.integrityErrors().isEmpty)
    }

    @Test("the latest row of an item is the newest by sequence, per pipeline")
    func latest() throws {
        let fixture = try Fixture()
        for (seed, pipeline) in ["photos", "photos", "texts"].enumerated() {
            let job = try fixture.admit(seed, pipeline: pipeline).jobID
            try fixture.store.begin(job, Fixture.execution)
            try fixture.store.complete(job, Fixture.batch, Timings())
        }
        let rows = try fixture.outside {
            try Row.fetchAll($0, sql: "SELECT job_id, pipeline, item_id, seq FROM v1_latest ORDER BY seq")
        }
        #expect(rows.map { $0["job_id"] as Int } == [2, 2, 2, 3, 3, 3])
        #expect(rows.map { $0["seq"] as Int } == Array(4...9))
    }
}
