import Accounting
import Foundation
import Testing

@Suite("what the page asks the store")
struct PageQueryTests {
    @Test("batches that wait are counted by pipeline and age, each in one column; what is held or settled is not")
    func queue() throws {
        let fixture = try Fixture()
        for (seed, state) in JobState.allCases.enumerated() { _ = try fixture.job(in: state, seed: seed) }
        _ = try fixture.admit(100, pipeline: "texts", rows: 7)
        let times = ["00:00:00", "00:59:44", "00:59:45", "00:59:46", "00:59:59"]
        for (number, time) in times.enumerated() {
            let job = try fixture.admit(200 + number, pipeline: "old", rows: 1).jobID
            try fixture.outside { database throws in
                try database.execute(
                    sql: "UPDATE jobs SET submitted_at = ? WHERE job_id = ?",
                    arguments: ["2026-11-30T\(time).000Z", job])
            }
        }
        let reader = try StoreReader.open(path: fixture.path)
        let ages = try reader.queueAges(at: try Date("2026-11-30T01:00:00Z", strategy: .iso8601))
        #expect(ages.map(\.pipeline) == ["old", "photos", "texts"])
        #expect(QueueAges.bounds == [15, 30, 60, 120, 240, 480, 960, 1_920, 3_840])
        #expect(ages[0].batches == [3, 1, 0, 0, 0, 0, 0, 0, 1, 0] && ages[0].rows == ages[0].batches)
        #expect(ages[0].oldestSince == "2026-11-30T00:00:00.000Z")
        // Claimed after that time, which is a clock that was set: as young as can be.
        #expect(ages[2].batches == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0] && ages[2].rows[0] == 7)
        #expect(ages[1].batches[0] == 4, "queued, the one that a duplicate is of, running, retrying")
    }

    @Test("each batch that comes to its end is told once, with its rows and its time from claim to end")
    func settlements() throws {
        let fixture = try Fixture()
        for (seed, state) in JobState.allCases.enumerated() { _ = try fixture.job(in: state, seed: seed) }
        let reader = try StoreReader.open(path: fixture.path)
        let all = try reader.settlements(after: 0, span: 1_000)
        #expect(all.settlements.map(\.state) == [.done, .failed, .cancelled, .duplicate])
        #expect(all.settlements.map(\.rows) == [3, 0, 0, 0])
        #expect(all.settlements.allSatisfy { (0..<60).contains($0.seconds) && abs($0.at.timeIntervalSinceNow) < 60 })
        var (found, cursor): ([Settlement], Int64) = ([], 0)
        while true {
            let page = try reader.settlements(after: cursor, span: 3)
            found += page.settlements
            if page.next == cursor { break }
            cursor = page.next
        }
        #expect(found == all.settlements && cursor == all.next)
    }

    @Test("the newest change before a time is found among changes with gaps")
    func lastChange() throws {
        let fixture = try Fixture()
        for seed in 0..<40 { _ = try fixture.admit(seed) }
        try fixture.outside { database throws in
            try database.execute(
                sql: """
                    DELETE FROM changes WHERE seq % 7 IN (2, 3);
                    UPDATE changes SET at = printf('2026-11-30T00:%02d:00.000Z', seq);
                    """)
        }
        let reader = try StoreReader.open(path: fixture.path)
        let start = try Date("2026-11-30T00:00:00Z", strategy: .iso8601)
        func found(_ minute: Double) throws -> Int64 {
            try reader.lastChange(before: start.addingTimeInterval(minute * 60))
        }
        #expect(try found(0) == 0 && found(1) == 0 && found(1.5) == 1)
        // 2, 3, 9 and 10 are gone.
        #expect(try found(5) == 4 && found(11) == 8 && found(11.5) == 11 && found(500) == 40)
    }

    @Test("classes and scores are those of the newest rows, by batch, and of no other pipeline")
    func distribution() throws {
        let fixture = try Fixture()
        let reader = try StoreReader.open(path: fixture.path)
        let none = try reader.distribution(pipeline: "photos")
        #expect(none.rows == 0 && none.classes.isEmpty && none.since == nil)
        for seed in 1...2 { _ = try fixture.job(in: .done, seed: seed) }
        let other = try fixture.admit(3, pipeline: "texts").jobID
        try fixture.store.begin(other, Fixture.execution)
        try fixture.store.complete(other, Fixture.batch, Timings())
        let found = try reader.distribution(pipeline: "photos")
        #expect(found.jobs == 2 && found.rows == 6 && found.rowsOK == 4)
        #expect(found.classes.map(\.label) == ["cat", "dog"] && found.classes.map(\.rows) == [2, 2])
        #expect(found.classes.map(\.meanScore) == [0.5, 0.75] && found.otherClasses == 0)
        #expect(found.scores.enumerated().filter { $1 > 0 }.map(\.offset) == [10, 15])
        #expect(found.scores.reduce(0, +) == 4)
    }

    @Test("of a large batch the newest 10,000 rows are looked at, of many classes the 100 most frequent are listed")
    func bounds() throws {
        let fixture = try Fixture()
        let count = 15_000
        let classes = (0..<count).map { (row: Int) -> Int32 in row < 5_000 ? 0 : Int32(1 + row % 150) }
        let batch = ResultBatch(
            rows: count, ids: .ordinal, statuses: [UInt8](repeating: 0, count: count), topK: 1, topClasses: classes,
            topScores: [Float](repeating: 1, count: count), margins: [Float](repeating: 1, count: count),
            classNames: (0...150).map { "class \($0)" })
        let job = try fixture.admit(1, rows: count).jobID
        try fixture.store.begin(job, Fixture.execution)
        try fixture.store.complete(job, batch, Timings())
        let found = try StoreReader.open(path: fixture.path).distribution(pipeline: "photos")
        #expect(found.jobs == 1 && found.rows == 10_000 && found.rowsOK == 10_000)
        #expect(!found.classes.contains { $0.label == "class 0" })
        #expect(found.classes.count == 100 && found.otherClasses == 50)
        #expect(found.otherRows == 10_000 - found.classes.reduce(0) { $0 + $1.rows })
        #expect(found.scores.last == 10_000)
    }

    @Test("a page of rows ends with the row that fills it, and the next one goes on behind that")
    func bytes() throws {
        let fixture = try Fixture()
        for seed in 1...2 { _ = try fixture.job(in: .done, seed: seed) }
        let reader = try StoreReader.open(path: fixture.path)
        let all = try reader.page().results
        var (found, cursor): ([ResultRecord], Int64) = ([], 0)
        while true {
            let page = try reader.page(after: cursor, bytes: 400)
            #expect(page.results.count <= 2)
            found += page.results
            if page.next == cursor { break }
            cursor = page.next
        }
        #expect(found == all && all.count == 6)
    }
}
