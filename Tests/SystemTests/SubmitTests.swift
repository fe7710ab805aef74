import Foundation
import TestSupport
import Testing

@Suite("sono submit")
struct SubmitTests {
    private func sono(_ service: Service, _ arguments: [String]) throws -> Sono.Outcome {
        try Sono.run(arguments + ["--root", service.root.path])
    }

    private func file(_ service: Service, _ name: String, seed: UInt64) throws -> String {
        let path = service.root(name)
        try Batches.batch(rows: 20, seed: seed).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("the default is the only pipeline that is configured; a file for one that is not waits, and that is said")
    func onlyConfigured() throws {
        let service = try Service()
        let old = service.root("pipeline.d/old.yaml")
        try Data(Service.pipeline.utf8).write(to: URL(fileURLWithPath: old))
        try service.start()
        let path = try file(service, "a.safetensors", seed: 1)
        #expect(try sono(service, ["submit", path]).status == 64)
        try FileManager.default.removeItem(atPath: old)
        service.signal(SIGHUP)
        let waited = try sono(service, ["submit", "--wait", path])
        #expect(waited.status == 0, "\(waited.errors)")
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE pipeline = 'p'") == 1)
        let other = try sono(service, ["submit", path, "--pipeline", "old"])
        #expect(other.status == 0 && other.errors.contains("there is no"), "\(other.errors)")
        #expect(other.errors.contains("pipeline.d/old.yaml"))
        #expect(service.stop() == 0)
        #expect(try service.root.names("spool/old/incoming") == ["a.safetensors"])
    }

    @Test(
        "--wait tells the job of each file, in order, also where two have the same bytes; a duplicate says what to do")
    func waitForSeveral() throws {
        let service = try Service()
        try service.start()
        let paths = try [("a", 1), ("b", 2), ("c", 1)].map { try file(service, "\($0).safetensors", seed: $1) }
        let waited = try sono(service, ["submit", "--wait", "--json"] + paths)
        #expect(waited.status == 0, "\(waited.errors)")
        let jobs = try #require(waited.json()["jobs"] as? [[String: Any]])
        #expect(jobs.compactMap { $0["file_name"] as? String } == ["a", "b", "c"].map { "\($0).safetensors" })
        #expect(Set(jobs.compactMap { $0["job_id"] as? Int }).count == 3)
        let states = jobs.compactMap { $0["state"] as? String }.sorted()
        #expect(states == ["done", "done", "duplicate"])
        #expect(waited.errors.contains("--again has them computed again"), "\(waited.errors)")
        let duplicate = try #require(jobs.first { $0["state"] as? String == "duplicate" }?["job_id"] as? Int)
        let job = try sono(service, ["job", "\(duplicate)"])
        #expect(
            job.output.contains("sono submit --again FILE --pipeline p --root \(service.root.path)"), "\(job.output)")
        #expect(service.stop() == 0)
    }

    @Test("every file is in the spool before the first is waited for, and a long wait is named")
    func handedOverFirst() throws {
        let service = try Service(pipeline: "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 5s\n")
        try service.start()
        // Waited for until it is given up as incomplete.
        let half = service.root("half.safetensors")
        try Batches.batch(rows: 20, seed: 3).prefix(500).write(to: URL(fileURLWithPath: half))
        let whole = try file(service, "whole.safetensors", seed: 4)
        let waiting = try Sono.start(
            ["submit", "--wait", "--root", service.root.path, half, whole], logs: service.root.url)
        try eventually("the second is done while the first is waited for") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE file_name = 'whole.safetensors' AND state = 'done'")
                == 1
        }
        #expect(waiting.isRunning)
        waiting.waitUntilExit()
        #expect(waiting.terminationStatus == 65)
        let said = try String(contentsOfFile: service.root("err"), encoding: .utf8)
        #expect(said.contains("waits for half.safetensors"), "\(said)")
        #expect(!said.contains("waits for whole.safetensors"), "\(said)")
        #expect(service.stop() == 0)
    }

    @Test("with no service nothing is handed over by --wait, and the command that starts it is named")
    func down() throws {
        let service = try Service()
        try service.start()
        #expect(service.stop() == 0)
        let path = try file(service, "a.safetensors", seed: 1)
        let outcome = try sono(service, ["submit", "--wait", path])
        #expect(outcome.status == 69 && outcome.errors.contains("nothing was handed over"), "\(outcome.errors)")
        #expect(outcome.errors.contains("sono serve --root \(service.root.path)"), "\(outcome.errors)")
        #expect(try service.files(in: "incoming") == [])
    }
}
