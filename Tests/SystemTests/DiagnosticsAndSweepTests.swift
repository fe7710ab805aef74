import Foundation
import TestSupport
import Testing

@Suite("diagnostics, sweeps that train, and distillation, by the command line on real rows")
struct DiagnosticsAndSweepTests {
    private let scratch: Scratch
    private let rows: [String]
    private let test: String

    init() throws {
        scratch = try Scratch()
        rows = [
            "--support", try Sections.write("support", perClass: 4, to: scratch("s.safetensors")),
            "--prompts", try Sections.write("prompts", to: scratch("p.safetensors")),
            "--validation", try Sections.write("validation", to: scratch("v.safetensors")),
        ]
        test = try Sections.write("test", perClass: 5, to: scratch("t.safetensors"))
    }

    private func json(_ arguments: [String]) throws -> [String: Any] {
        let outcome = try Sono.run(arguments + ["--json"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.json()
    }

    @Test("a student takes one evaluation, answers nearly as its teacher, and both can be diagnosed")
    func distillationAndDiagnostics() throws {
        _ = try json(["train"] + rows + ["--solver", "rk4", "--steps", "2", "--output", scratch("m.safetensors")])
        let told = try json(
            ["train", "--distill", scratch("m.safetensors")] + rows + ["--output", scratch("d.safetensors")])
        #expect(told["schema"] as? String == "sono-distillation/1")
        let (teacher, student) = (told["teacher"] as? [String: Any], told["student"] as? [String: Any])
        #expect(teacher?["evaluations"] as? Int == 7 && student?["evaluations"] as? Int == 1)
        let accuracies = try [teacher, student].map { try #require($0?["accuracy"] as? Double) }
        #expect(abs(accuracies[0] - accuracies[1]) < 0.05)
        let report = try json([
            "evaluate", "--model", scratch("d.safetensors"), "--test", test, "--prompts", scratch("p.safetensors"),
            "--diagnostics",
        ])
        let diagnostics = try #require(report["diagnostics"] as? [String: Any])
        let transfer = try #require(diagnostics["transfer"] as? [String: Int])
        #expect((transfer["zero_shot_right"] ?? 0) + (transfer["zero_shot_wrong"] ?? 0) == report["rows"] as? Int)
        let path = try #require(diagnostics["path"] as? [String: Any])
        #expect(path["rows"] as? Int == 30 && path["stability_bound"] is Double)
        let plain = try Sono.run([
            "evaluate", "--model", scratch("d.safetensors"), "--test", test, "--diagnostics",
        ])
        #expect(plain.status == 0 && plain.output.contains("Fisher ratio") && plain.output.contains("turn round"))
    }

    @Test("models of several widths are trained and swept in one table, and settings are varied one at a time")
    func sweeps() throws {
        let swept = try json(
            ["sweep", "--widths", "4,8", "--test", test, "--steps", "1", "--solvers", "rk4", "--rows", "2"] + rows)
        #expect((swept["trainings"] as? [[String: Any]])?.compactMap { $0["width"] as? Int } == [4, 8])
        let points = try #require(swept["points"] as? [[String: Any]])
        #expect(Set(points.compactMap { $0["model"] as? Int }) == [0, 1])
        #expect(points.allSatisfy { $0["trained_steps"] is Int })
        let varied = try json(["sweep", "--sensitivity", "--shots", "1", "--test", test] + rows)
        #expect(varied["schema"] as? String == "sono-sensitivity/1" && varied["support_rows"] as? Int == 6)
        #expect((varied["trials"] as? [[String: Any]])?.count == 9)
    }

    @Test("a sweep is of given models, of widths or of settings: one of them, with the rows that it needs")
    func usage() throws {
        let wrong: [[String]] = [
            ["--test", test], ["--widths", "4", "--sensitivity", "--test", test] + rows,
            ["--widths", "4", "--test", test],
            ["--model", scratch("m.safetensors"), "--test", test] + rows, ["--widths", "0", "--test", test] + rows,
        ]
        for arguments in wrong {
            let outcome = try Sono.run(["sweep"] + arguments)
            #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
        }
    }
}
