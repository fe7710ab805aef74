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

    /// Kills fall into the removal of files, of rows and of jobs alike; the seed is printed by a failure.
    @Test(
        "killed at any moment, retention never shows a part of a job's rows, and in the end has forgotten nothing",
        arguments: [UInt64.random(in: 1...9_999)])
    func killed(seed: UInt64) throws {
        let service = try Service(
            pipeline: "\(Service.pipeline)\nretention: { inputs: 1s, results: 1s, jobs: 1s, failed: 1s }\n")
        var random = Xorshift(state: seed)
        try service.start()
        for number in 1...12 {
            try service.drop(Batches.batch(rows: 20_000, seed: UInt64(number)), as: "\(number).safetensors")
        }
        try service.waitUntilSettled()
        sleep(2)
        var rowsLeft = 240_000
        for _ in 0..<6 {
            let asking = try Sono.start(
                ["gc", "--root", service.root.path], logs: service.root.url.appending(path: "logs"))
            usleep(UInt32(random.next() % 300_000))
            #expect(service.stop(SIGKILL) == -SIGKILL)
            asking.terminate()
            asking.waitUntilExit()
            let torn = try service.number(
                """
                SELECT count(*) FROM v1_jobs AS j WHERE results_removed_at IS NULL
                    AND rows <> (SELECT count(*) FROM v1_results AS r WHERE r.job_id = j.job_id)
                """)
            #expect(torn == 0)
            let rows = try service.number("SELECT count(*) FROM v1_results")
            #expect(rows <= rowsLeft && rows.isMultiple(of: 20_000))
            rowsLeft = rows
            try service.start()
        }
        #expect(try Sono.run(["gc", "--root", service.root.path]).status == 0)
        #expect(try service.files(in: "done") == [])
        for table in ["jobs", "results", "changes", "removals"] {
            #expect(try service.number("SELECT count(*) FROM \(table)") == 0, "\(table)")
        }
        try service.drop(Batches.batch(rows: 20_000, seed: 7), as: "again.safetensors")
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'duplicate'") == 1)
        #expect(service.stop() == 0)
        #expect(try service.rows("PRAGMA integrity_check").first?[0] as String? == "ok")
    }
}
