import Foundation
import GRDB
import TestSupport
import Testing

@Suite("sono results")
struct ResultFeedTests {
    private func lines(_ logs: Scratch) throws -> [String] {
        try String(contentsOf: logs.url.appending(path: "out"), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func sequence(_ lines: [String]) throws -> [Int] {
        try lines.map { line in
            let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(row?["seq"] as? Int)
        }
    }

    @Test("a feed that is followed has every row once, in order, over a restart; another store ends it with 65")
    func follow() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 300, seed: 1), as: "a.safetensors")
        let logs = try Scratch()
        let root = ["--root", service.root.path]
        let feed = try Sono.start(["results", "--follow", "--format", "ndjson"] + root, logs: logs.url)
        defer { if feed.isRunning { feed.terminate() } }
        try eventually("the first batch") { try lines(logs).count == 300 }
        service.stop(SIGKILL)
        try service.start()
        try service.drop(Batches.batch(rows: 200, seed: 2), as: "b.safetensors")
        try eventually("the second batch") { try lines(logs).count == 500 }
        #expect(try sequence(lines(logs)) == Array(1...500))
        #expect(feed.isRunning)

        #expect(service.stop() == 0)
        let database = try DatabaseQueue(path: service.root("state/sono.sqlite"))
        try database.write { try $0.execute(sql: "UPDATE store SET store_id = 'another'") }
        try database.close()
        try eventually("it has noticed") { !feed.isRunning }
        #expect(feed.terminationStatus == 65)
        let words = try String(contentsOf: logs.url.appending(path: "err"), encoding: .utf8)
        #expect(words.contains("another") && words.contains("--after 0"), "\(words)")
    }

    @Test("--store refuses rows of another store, and takes those of its own")
    func storeOfCursor() throws {
        let service = try Service()
        try service.start()
        let id = try #require(service.rows("SELECT store_id FROM v1_store").first?[0] as String?)
        #expect(service.stop() == 0)
        let root = ["--root", service.root.path]
        #expect(try Sono.run(["results", "--store", id] + root).status == 0)
        #expect(try Sono.run(["results", "--store", "0"] + root).status == 65)
    }

    @Test("CSV has all columns, and is read back by a reader that is not ours, whatever the ids hold")
    func csv() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 40, seed: 3), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        let evil = "a \"b\", c\nd\r\n\u{1F600};=1+1"
        let database = try DatabaseQueue(path: service.root("state/sono.sqlite"))
        try database.write {
            try $0.execute(sql: "UPDATE results SET item_id = ? WHERE seq = 7", arguments: [evil])
        }
        try database.close()
        let outcome = try Sono.run(["results", "--format", "csv", "--root", service.root.path])
        #expect(outcome.status == 0)
        let scratch = try Scratch()
        let file = try scratch.write(outcome.output, to: "rows.csv")
        let script = """
            import csv, json, sys
            rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8")))
            print(json.dumps({"rows": rows}))
            """
        let read = try Sono.run(["-c", script, file], executable: URL(fileURLWithPath: "/usr/bin/python3"))
        let rows = try #require(read.json()["rows"] as? [[String: Any]], "\(read.errors)")
        let columns = try service.rows("SELECT name FROM pragma_table_info('v1_results')").map { $0[0] as String }
        #expect(rows.count == 40 && Set(rows[0].keys) == Set(columns))
        #expect(rows[6]["item_id"] as? String == evil)
        for (row, stored) in zip(rows, try service.rows("SELECT score, label FROM v1_results ORDER BY seq")) {
            #expect((row["score"] as? String).flatMap(Double.init) == stored["score"])
            #expect(row["label"] as? String == stored["label"])
        }
    }

    @Test("a document cannot be followed without an end, and two forms at once contradict each other")
    func refusals() throws {
        #expect(try Sono.run(["results", "--follow", "--json"]).status == 64)
        #expect(try Sono.run(["results", "--format", "csv", "--json"]).status == 64)
        #expect(try Sono.run(["results", "--format", "xml"]).status == 64)
    }
}
