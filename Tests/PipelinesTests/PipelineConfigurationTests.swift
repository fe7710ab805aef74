import Failures
import Foundation
import Pipelines
import TestSupport
import Testing

@Suite("pipeline.d")
struct PipelineConfigurationTests {
    static let full = """
        model: sections.safetensors
        refine:
          solver: rk4-38
          steps: 4
        classify:
          top_k: 5
        output:
          features: float16
        limits:
          rows: 1000
          batch_bytes: 64MiB
          attempts: 2
          deadline: 90s
        retention: { inputs: 12h, results: 30d, jobs: keep, failed: keep, features: 2d }
        settle: 500ms
        incomplete_after: 1min
        """

    @Test("every key is read")
    func everyKey() throws {
        var expected = PipelineConfiguration(model: "sections.safetensors")
        expected.solver = .rk4ThreeEighths
        expected.steps = 4
        expected.topK = 5
        expected.features = .float16
        expected.limits.rows = 1_000
        expected.limits.batchBytes = 64 << 20
        expected.limits.attempts = 2
        expected.limits.deadline = .seconds(90)
        expected.retention.inputs = .seconds(12 * 3_600)
        expected.retention.results = .seconds(30 * 86_400)
        expected.retention.features = .seconds(2 * 86_400)
        expected.settle = .milliseconds(500)
        expected.incompleteAfter = .seconds(60)
        #expect(try PipelineConfiguration(yaml: Self.full, file: "p.yaml") == expected)
    }

    @Test("all but the model has a default")
    func defaults() throws {
        let configuration = try PipelineConfiguration(yaml: "model: /models/a.safetensors", file: "p.yaml")
        #expect(configuration == PipelineConfiguration(model: "/models/a.safetensors"))
        #expect(configuration.retention.inputs == .seconds(7 * 86_400))
        #expect(configuration.limits.rows == 2_000_000)
    }

    @Test(
        "a mistake names file, line and key",
        arguments: [
            ("", "p.yaml:1:", "model"),
            ("refine: { steps: 4 }", "p.yaml:1:", "model"),
            ("model: a\nclasify:\n  top_k: 3", "p.yaml:2:", "clasify"),
            ("model: a\nclassify:\n  topk: 3", "p.yaml:3:", "classify.topk"),
            ("model: a\nsettle: 0s", "p.yaml:2:", "settle"),
            ("model: a\nincomplete_after: 0ms", "p.yaml:2:", "incomplete_after"),
            ("model: a\nlimits: { deadline: 0min }", "p.yaml:2:", "limits.deadline"),
            ("model: a\nclassify:\n  top_k: three", "p.yaml:3:", "classify.top_k"),
            ("model: a\nclassify:\n  top_k: 0", "p.yaml:3:", "classify.top_k"),
            ("model: a\nclassify: 3", "p.yaml:2:", "classify"),
            ("model: [a, b]", "p.yaml:1:", "model"),
            ("model:", "p.yaml:1:", "model"),
            ("model: a\nrefine:\n  solver: rk5", "p.yaml:3:", "refine.solver"),
            ("model: a\nrefine:\n  steps: 2.5", "p.yaml:3:", "refine.steps"),
            ("model: a\noutput:\n  features: float64", "p.yaml:3:", "output.features"),
            ("model: a\nlimits:\n  batch_bytes: 1 parsec", "p.yaml:3:", "limits.batch_bytes"),
            ("model: a\nlimits:\n  batch_bytes: 9223372036854775807", "p.yaml:3:", "limits.batch_bytes"),
            ("model: a\nlimits:\n  deadline: 10", "p.yaml:3:", "limits.deadline"),
            ("model: a\nlimits:\n  deadline: 36501d", "p.yaml:3:", "limits.deadline"),
            ("model: a\nretention: { inputs: never }", "p.yaml:2:", "retention.inputs"),
            ("model: a\nsettle: soon", "p.yaml:2:", "settle"),
            ("- a\n- b", "p.yaml:1:", "expected keys"),
            ("model: a\nmodel: b", "p.yaml:1:", "given more than once: model"),
            ("model: \"a", "p.yaml:1:", "YAML"),
            ("model: a\nclassify: [\nsettle: 2s", "p.yaml:4:", "flow sequence that begins in line 2: did not find"),
        ])
    func mistakes(yaml: String, place: String, key: String) throws {
        let failure = try #require(throws: Failure.self) { try PipelineConfiguration(yaml: yaml, file: "p.yaml") }
        #expect(failure.code == .configurationInvalid)
        #expect(failure.message.contains(place) && failure.message.contains(key), "\(failure.message)")
    }

    @Test("a directory gives a pipeline for each file, good or bad, and leaves other files alone")
    func directory() throws {
        let root = try Scratch()
        try root.write("model: a", to: "good.yaml")
        try root.write("model: a", to: "other.yml")
        try root.write("modle: a", to: "bad.yaml")
        try root.write("model: a", to: "twice.yaml")
        try root.write("model: a", to: "twice.yml")
        try root.write("model: a", to: "no good name.yaml")
        try root.write("model: b", to: "good.old.yaml")
        try root.write("notes", to: "README")
        try root.write("model: a", to: ".hidden.yaml")
        let found = try ConfigurationDirectory.load(root.path)
        #expect(found.keys.sorted() == ["bad", "good", "good.old", "no good name", "other", "twice"])
        for (name, result) in found {
            switch result {
            case .success: #expect(name == "good")
            case .failure(let failure):
                #expect(failure.code == .configurationInvalid)
                #expect(failure.message.contains(name))
                if ["other", "twice"].contains(name) {
                    // The unit starts the service for *.yaml only.
                    #expect(failure.message.contains("\(name).yml"))
                    #expect(failure.message.contains("rename it to \(name).yaml"))
                }
            }
        }
        #expect(ConfigurationDirectory.names(in: root.path)?.contains("other") == false)
        #expect(ConfigurationDirectory.names(in: "\(root.path)/nowhere") == nil)
        #expect(throws: Failure.self) { try ConfigurationDirectory.load("\(root.path)/nowhere") }
    }
}
