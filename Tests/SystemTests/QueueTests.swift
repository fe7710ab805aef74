import Foundation
import TestSupport
import Testing

@Suite("sono queue and jobs")
struct QueueTests {
    @Test("the queue counts each batch and its rows once under its pipeline, with the service up and down")
    func queue() throws {
        // Many steps, so that the first batch is still computed while the others wait.
        let service = try Service(pipeline: "\(Service.pipeline)\nrefine: { steps: 2000 }\n")
        try service.start()
        let root = ["--root", service.root.path]
        #expect(try Sono.run(["queue"] + root).output.contains("nothing waits"))
        try service.drop(Batches.batch(rows: 400_000, seed: 1), as: "long.safetensors")
        try eventually("it is a job") { try service.number("SELECT count(*) FROM v1_jobs") == 1 }
        for seed in 2...4 { try service.drop(Batches.batch(rows: 100, seed: UInt64(seed)), as: "\(seed).safetensors") }
        try eventually("all are jobs") { try service.number("SELECT count(*) FROM v1_jobs") == 4 }
        #expect(try Sono.run(["hold", "4"] + root).status == 0)
        func sums() throws -> (batches: Int, rows: Int) {
            let report = try Sono.run(["queue", "--json"] + root).json()
            let bounds = try #require(report["bounds_seconds"] as? [Int])
            let pipelines = try #require(report["pipelines"] as? [[String: Any]])
            #expect(pipelines.count == 1 && pipelines[0]["pipeline"] as? String == "p")
            let batches = try #require(pipelines[0]["batches"] as? [Int])
            let rows = try #require(pipelines[0]["rows"] as? [Int])
            #expect(batches.count == bounds.count + 1 && rows.count == batches.count)
            #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $1 == 2 * $0 })
            return (batches.reduce(0, +), rows.reduce(0, +))
        }
        let up = try sums()
        #expect(up == (3, 400_200))
        let text = try Sono.run(["queue"] + root).output
        #expect(text.contains("TOTAL") && text.contains("400,200") && text.contains("sono release"), "\(text)")
        service.stop(SIGKILL)
        let down = try sums()
        #expect(down == up)
    }

    @Test("jobs are found by time, code and a piece of the name, with the service up and down alike")
    func filters() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "Monday & 100%.safetensors")
        try service.drop(Data("no batch".utf8), as: "tuesday.safetensors")
        try service.waitUntilSettled()
        let root = ["--root", service.root.path]
        func names(_ filter: [String]) throws -> [String] {
            let outcome = try Sono.run(["jobs", "--json"] + filter + root)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try #require(outcome.json()["jobs"] as? [[String: Any]]).compactMap { $0["file_name"] as? String }
                .sorted()
        }
        let (monday, tuesday) = ("Monday & 100%.safetensors", "tuesday.safetensors")
        func check() throws {
            #expect(try names(["--file", "MONDAY &"]) == [monday])
            #expect(try names(["--file", "0%"]) == [monday])
            #expect(try names(["--file", "day"]) == [monday, tuesday])
            #expect(try names(["--code", "incomplete"]) == [tuesday])
            #expect(try names(["--code", "crashed"]) == [])
            #expect(try names(["--since", "1h"]) == [monday, tuesday])
            #expect(try names(["--until", "1h"]) == [])
            #expect(try names(["--since", "2020-01-01", "--until", "2999-12-31T23:59"]) == [monday, tuesday])
            #expect(try names(["--since", "2999-01-01T00:00:00Z"]) == [])
            #expect(try names(["--state", "done", "--since", "1h", "--file", "mon"]) == [monday])
        }
        try check()
        #expect(service.stop() == 0)
        try check()
        for wrong in [["--since", "yesterday"], ["--since", "2026-13-45"], ["--code", "bad"], ["--file", ""]] {
            #expect(try Sono.run(["jobs"] + wrong + root).status == 64, "\(wrong)")
        }
    }

    @Test("a job shows every step of its life with the time it took, and the other jobs with its bytes")
    func history() throws {
        let service = try Service()
        try service.start()
        let batch = Batches.batch(rows: 10, seed: 1)
        try service.drop(batch, as: "a.safetensors")
        try service.waitUntilSettled()
        try service.drop(batch, as: "twice.safetensors")
        try service.waitUntilSettled()
        let text = try Sono.run(["job", "1", "--root", service.root.path]).output
        for word in ["queued", "running", "done", "decode", "refine", "commit", "after", "twice.safetensors"] {
            #expect(text.contains(word), "\(word) is missing: \(text)")
        }
        #expect(try Sono.run(["job", "2", "--root", service.root.path]).output.contains("sono job 1"))
        #expect(service.stop() == 0)
    }
}
