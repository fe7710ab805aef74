import Foundation
import TestSupport
import Testing

@Suite("the log")
struct LogTests {
    @Test("--log-format json writes one object a line, with time, level, message, job and code")
    func json() throws {
        let service = try Service()
        try service.start(options: ["--log-format", "json"])
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "a.safetensors")
        try service.drop(Data("no batch".utf8), as: "x\nlevel.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        let events = try service.log.split(separator: "\n").map { line in
            try #require(
                JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "no object of texts: \(line)")
        }
        for event in events {
            let time = try #require(event["time"])
            #expect((try? Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))) != nil)
            #expect(event["level"] != nil && event["message"]?.isEmpty == false)
        }
        #expect(events.map { $0["message"] }.contains("ready") && events.last?["message"] == "stopped")
        let done = try #require(events.first { $0["message"] == "done" })
        #expect(done["job"] != nil && done["pipeline"] == "p" && done["rows"] == "10" && done["level"] == "info")
        let refused = try #require(events.first { $0["code"] == "incomplete" })
        #expect(refused["job"] != nil && refused["level"] == "error")
    }

    @Test("under the journal each line begins with its priority, in both formats", arguments: ["text", "json"])
    func priorities(_ format: String) throws {
        let scratch = try Scratch()
        // No pipeline: the service says so and ends.
        let outcome = try Sono.run(
            ["serve", "--root", scratch.path, "--log-format", format], environment: ["JOURNAL_STREAM": "8:1"])
        #expect(outcome.status == 78)
        #expect(outcome.errors.split(separator: "\n").contains { $0.hasPrefix("<2>") }, "\(outcome.errors)")
    }

    @Test("ids, labels and texts of the data never stand in the log, whatever becomes of the batch")
    func noData() throws {
        let service = try Service()
        try service.start(options: ["--log-level", "trace"])
        let secret = "secret-4711"
        let header = #"""
            {"__metadata__":{"schema":"embedding-set/1","encoder":"reference","texts":"[\"secret-4711\"]"},\#
            "embeddings":{"dtype":"F32","shape":[1,24],"data_offsets":[0,96]},\#
            "ids_utf8":{"dtype":"U8","shape":[11],"data_offsets":[96,107]},\#
            "ids_offsets":{"dtype":"I64","shape":[2],"data_offsets":[107,123]}}
            """#
        func batch(_ offsets: [Int64], _ values: [Float]) -> Data {
            var data = Data()
            withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
            data.append(contentsOf: header.utf8)
            values.withUnsafeBytes { data.append(contentsOf: $0) }
            data.append(contentsOf: secret.utf8)
            offsets.withUnsafeBytes { data.append(contentsOf: $0) }
            return data
        }
        let values = Batches.embeddings(rows: 1, seed: 1)
        try service.drop(batch([0, 11], values), as: "good.safetensors")
        try service.drop(batch([0, 99], values), as: "bad-offsets.safetensors")
        try service.drop(batch([0, 11], values.map { _ in .nan }), as: "bad-rows.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        #expect(try service.number("SELECT count(*) FROM v1_results WHERE item_id = '\(secret)'") == 1)
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed'") == 2)
        #expect(!service.log.contains(secret), "\(service.log)")
    }

    @Test("a format or level that does not exist is wrong usage")
    func refusals() throws {
        #expect(try Sono.run(["serve", "--log-format", "xml"]).status == 64)
        #expect(try Sono.run(["serve", "--log-level", "loud"]).status == 64)
    }
}
