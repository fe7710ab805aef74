import Foundation
import TestSupport
import Testing

@Suite("sono pilot and the few-shot protocol, on real data")
struct PilotTests {
    private let scratch: Scratch
    private let sets: [String]

    init() throws {
        scratch = try Scratch()
        sets = [
            "--support", try Sections.write("support", perClass: 8, to: scratch("support.safetensors")),
            "--prompts", try Sections.write("prompts", to: scratch("prompts.safetensors")),
            "--validation", try Sections.write("validation", to: scratch("validation.safetensors")),
            "--test", try Sections.write("test", perClass: 20, to: scratch("test.safetensors")),
        ]
    }

    @Test("the protocol goes on where it stopped, does nothing twice, and pools finished files")
    func fewShot() throws {
        let file = scratch("runs.jsonl")
        func run(_ more: [String]) throws -> Sono.Outcome {
            try Sono.run(["evaluate", "--protocol", "few-shot", "--output", file] + sets + more)
        }
        let first = try run(["--shots", "1", "--seeds", "1,2", "--baselines", "gda", "--json"])
        #expect(first.status == 0, "\(first.errors)")
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count
        #expect(lines == 1 + 2 * 2)
        let more = try run(["--shots", "1,4", "--seeds", "1,2", "--baselines", "gda,zero-shot"])
        #expect(more.status == 0, "\(more.errors)")
        #expect(more.output.contains("model minus rival") && more.output.contains("gda"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(String(decoding: whole, as: UTF8.self).split(separator: "\n").count == 1 + 3 * 4)
        #expect(try run(["--shots", "1,4", "--seeds", "1,2", "--baselines", "gda,zero-shot"]).status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == whole)

        let other = try run(["--corrupt", "gaussian:0.3", "--shots", "1", "--seeds", "1", "--baselines", "gda"])
        #expect(other.status == 64 && other.errors.contains("--output"), "\(other.errors)")
        let page = scratch("page.html")
        let pooled = try Sono.run(["evaluate", "--pooled", file, "--report", page, "--json"])
        #expect(pooled.status == 0, "\(pooled.errors)")
        #expect(try pooled.json()["shots"] as? [String] == ["1", "4"])
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("Accuracy by shots"))
    }

    @Test("a pilot ends with its verdict, a reason for each criterion, and exit code 1 where that is no")
    func verdict() throws {
        let sample = try Sono.run(["pilot", "--sample"])
        #expect(sample.status == 0 && sample.output.contains("gain_over_best_baseline"))
        try scratch.write(sample.output, to: "criteria.yaml")
        // Nobody can gain so much.
        try scratch.write(
            sample.output.replacingOccurrences(
                of: "gain_over_best_baseline: { adopt: 0.5, stage: 0.0 }",
                with: "gain_over_best_baseline: { adopt: 90, stage: 80 }"), to: "greedy.yaml")
        func pilot(_ criteria: String) throws -> Sono.Outcome {
            try Sono.run(
                [
                    "pilot", "--criteria", scratch(criteria), "--seeds", "1", "--baselines", "gda", "--json",
                    "--report", scratch("pilot.html"),
                ] + sets)
        }
        let outcome = try pilot("criteria.yaml")
        let verdict = try #require(try outcome.json()["verdict"] as? [String: Any])
        let decision = try #require(verdict["decision"] as? String)
        #expect(outcome.status == (decision == "do not adopt" ? 1 : 0), "\(outcome.errors)")
        #expect((verdict["judgements"] as? [[String: Any]])?.count == 10)
        #expect(try String(contentsOfFile: scratch("pilot.html"), encoding: .utf8).contains(decision))
        let greedy = try pilot("greedy.yaml")
        #expect(greedy.status == 1)
        #expect((try greedy.json()["verdict"] as? [String: Any])?["decision"] as? String == "do not adopt")

        try scratch.write("cores: many\n", to: "broken.yaml")
        #expect(try pilot("broken.yaml").status == 78)
        #expect(try pilot("absent.yaml").status == 66)
        #expect(try Sono.run(["pilot"]).status == 64)
    }
}
