import Foundation
import TestSupport
import Testing

@Suite("retention by the service")
struct RetentionTests {
    @Test("sono gc says what would go, then removes it, with the service up and down; the service does so at its start")
    func collection() throws {
        let service = try Service(
            pipeline: "\(Service.pipeline)\nretention: { inputs: 1s, results: 1s, jobs: 1s, failed: 1s }\n")
        func gc(_ more: String...) throws -> [String: Int] {
            let outcome = try Sono.run(["gc", "--json", "--root", service.root.path] + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
            let pipelines = try #require(outcome.json()["pipelines"] as? [[String: Any]])
            let removed = try #require(pipelines[0]["removed"] as? [String: Int])
            // What was refused before all of it was read counts without bytes until it goes.
            return removed.filter { $0.key != "file_bytes" }
        }
        try service.start()
        try service.drop(Batches.batch(rows: 2_000, seed: 1), as: "a.safetensors")
        try service.drop(Data("nonsense".utf8), as: "b.pkl")
        try service.waitUntilSettled()
        sleep(2)
        let promised = try gc("--dry-run")
        #expect(promised["inputs"] == 1 && promised["failed"] == 1 && promised["results"] == 2_000)
        #expect(try service.files(in: "done").count == 1 && service.number("SELECT count(*) FROM v1_results") == 2_000)
        #expect(try gc() == promised)
        #expect(try service.files(in: "done") == [] && service.files(in: "failed") == [])
        #expect(try service.number("SELECT count(*) FROM v1_jobs") == 0)
        #expect(try service.number("SELECT results_removed_through FROM v1_store") == 2_000)

        // Down: with the lock that the service would have.
        try service.drop(Batches.batch(rows: 10, seed: 2), as: "c.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        sleep(2)
        #expect(try gc()["inputs"] == 1)
        #expect(try gc().values.allSatisfy { $0 == 0 })

        // By itself: what is dropped again is still a duplicate, and its file goes at the next start.
        try service.start()
        try service.drop(Batches.batch(rows: 2_000, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(
            try service.rows("SELECT state, duplicate_of FROM v1_jobs").first == [
                "state": "duplicate", "duplicate_of": 1,
            ])
        #expect(service.stop() == 0)
        sleep(2)
        try service.start()
        try eventually("the service has removed it") { try service.files(in: "done") == [] }
        try eventually("and its job") { try service.number("SELECT count(*) FROM v1_jobs") == 0 }
        #expect(service.stop() == 0)
        #expect(try service.rows("PRAGMA integrity_check").first?[0] as String? == "ok")
    }
}
