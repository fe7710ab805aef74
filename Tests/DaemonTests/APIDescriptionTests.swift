import Daemon
import EmbeddingSets
import Foundation
import Pipelines
import Refinement
import Spooling
import TestSupport
import Testing

@Suite("the OpenAPI description", .serialized)
struct APIDescriptionTests {
    /// A service with something of everything: each kind of job and row, each trouble that a test can make.
    private func eventful() throws -> (root: Root, service: RunningService) {
        let root = try Root(pipeline: "settle: 100ms\nincomplete_after: 1s\noutput: { features: float16 }")
        try root.configure("slow", "model: m.safetensors\nrefine: { steps: 400 }")
        try root.configure("brief", "model: named.safetensors\nretention: { inputs: 1s, results: 1s }")
        try root.configure("broken", "modle: m.safetensors")
        var configuration = ModelConfiguration(dimension: Root.dimension, hidden: 8)
        configuration.steps = 2
        configuration.encoder = "test"
        let named = try Model<Float>.untrained(
            configuration: configuration, classes: ["a", "b", "c"], prompts: Root.rows(3, seed: 99), labels: [0, 1, 2],
            seed: 2)
        try ModelFile.save(named, to: "\(root.paths.models)/named.safetensors")
        let service = try root.start()
        // done, with one row that has no class; a duplicate; failed; done in place of another.
        var rows = Root.rows(10, seed: 1)
        rows[3] = .nan
        let path = root.scratch("a.safetensors")
        try EmbeddingSet(dimension: Root.dimension, embeddings: rows).write(to: path)
        let submit = { (again: Bool) in
            let layout = SpoolLayout(root: root.paths.spool, pipeline: "p")
            _ = try Submission.submit(path: path, to: layout, again: again)
        }
        try submit(false)
        try eventually("done") { try root.states() == [.done] }
        try submit(false)
        try eventually("a duplicate") { try root.states() == [.done, .duplicate] }
        try submit(true)
        try Data("PK\u{3}\u{4}".utf8).write(to: URL(fileURLWithPath: "\(root.paths.spool)/p/incoming/bad.npz"))
        try root.drop(5, seed: 2, as: "b.safetensors", into: "brief")
        try eventually("all are settled") { try root.states().count == 5 && root.states().allSatisfy(\.isSettled) }
        let failed = try #require(try root.client.jobs().jobs.first { $0.state == .failed }).jobID
        try eventually("its file is where it belongs, and taken back") {
            try root.get("/v1/jobs/\(failed)/requeue", method: "POST", socket: root.paths.controlSocket).status == 200
        }
        try eventually("it failed again") {
            try root.states().count == 6 && root.states().allSatisfy(\.isSettled)
        }
        try eventually("its time is up") {
            _ = try root.get("/v1/gc", method: "POST", socket: root.paths.controlSocket)
            return try root.client.jobs().jobs.contains { $0.inputRemovedAt != nil && $0.resultsRemovedAt != nil }
        }
        for number in 1...2 {
            try root.drop(300_000, seed: UInt64(10 + number), as: "\(number).safetensors", into: "slow")
        }
        try eventually("one waits behind another") {
            try root.states().suffix(2) == [.running, .queued] && root.client.report().report.running != nil
        }
        return (root, service)
    }

    @Test("describes every place there is, and every answer of a service to which everything happens, key by key")
    func answers() throws {
        let (root, service) = try eventful()
        defer { service.stop() }
        let client = UnixHTTPClient(path: root.paths.statusSocket)
        let description = try APIDescription(client.send("GET", "/openapi.json").body)
        #expect(Set(description.paths.keys) == Set(StatusPlace.allCases.map(\.rawValue)))
        #expect(description.document["openapi"] as? String == "3.1.0")

        // Asked of each place, and where to look for what is described of it.
        let questions: [(StatusPlace, String)] =
            [.status, .queue, .history, .jobs, .results, .description].map { ($0, $0.rawValue) }
            + (1...8).map { (.job, "/v1/jobs/\($0)") }
            + ["p", "brief", "slow", "broken"].map { (.distribution, "/v1/pipelines/\($0)/distribution") }
            + [
                (.jobs, "/v1/jobs?limit=1"), (.jobs, "/v1/jobs?limit=0"), (.job, "/v1/jobs/99"),
                (.distribution, "/v1/pipelines/q/distribution"), (.results, "/v1/results?job=x"),
            ]
        for (place, target) in questions {
            let answer = try client.send("GET", target)
            let schema = try #require(
                description.schema(path: place.rawValue, status: answer.status, type: "application/json"),
                "\(target): \(answer.status) is not described")
            let faults = description.faults(try JSONSerialization.jsonObject(with: answer.body), schema)
            #expect(faults.isEmpty, "\(target)")
        }
        for (place, type) in [
            (StatusPlace.page, "text/html"), (.live, "text/plain"), (.ready, "text/plain"), (.metrics, "text/plain"),
        ] {
            #expect(description.schema(path: place.rawValue, status: 200, type: type) != nil)
            #expect(try client.send("GET", place.rawValue).status == 200)
        }
        // A full disk, a minute without progress or with a forgotten reader, and a fault of SQLite bring these; the last is
        // kept for those who read it once.
        #expect(
            description.keys.subtracting(description.met) == [
                "Status.paused", "Progress.seconds", "Status.wal_held_since", "Error.cause", "Job.classify_seconds",
            ])
    }

    @Test("a key that is missing, not described or of another type is found")
    func strict() throws {
        let description = try APIDescription(
            Data(
                #"""
                {"components": {"schemas": {"S": {"type": "object", "required": ["a"], "properties": {
                    "a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "string"}}}}}}}
                """#.utf8))
        let schema = ["$ref": "#/components/schemas/S"]
        #expect(description.faults(["a": 1, "b": ["x"]] as [String: Any], schema).isEmpty)
        #expect(description.faults(["b": ["x"]], schema).count == 1)
        #expect(description.faults(["a": 1, "c": 1], schema).count == 1)
        #expect(description.faults(["a": 1.5, "b": [1]] as [String: Any], schema).count == 2)
        #expect(description.keys == ["S.a", "S.b"] && description.met.isSuperset(of: ["S.a", "S.b"]))
    }

    @Test("every parameter that is described is taken, and no other")
    func parameters() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let description = try APIDescription(Data(root.get("/openapi.json").body.utf8))
        let values = ["state": "done", "sha256": "0a", "newest_first": "1", "since": "2026-11-30", "until": "2h"]
        for path in ["/v1/jobs", "/v1/results"] {
            let get = description.paths[path]?["get"] as? [String: Any]
            let parameters = get?["parameters"] as? [[String: Any]] ?? []
            #expect(parameters.count >= 4)
            for parameter in parameters {
                let name = parameter["name"] as? String ?? "limit"
                #expect(try root.get("\(path)?\(name)=\(values[name] ?? "1")").status == 200, "\(path) \(name)")
            }
            #expect(try root.get("\(path)?nothing=1").status == 400)
        }
    }
}
