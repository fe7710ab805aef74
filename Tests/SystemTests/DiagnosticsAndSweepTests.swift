import Foundation
import TensorFiles
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
            ["sweep", "--widths", "4,8", "--test", test, "--steps", "1", "--solvers", "rk4", "--rows", "2"] + rows
                + ["--report", scratch("sweep.html")])
        #expect((swept["trainings"] as? [[String: Any]])?.compactMap { $0["width"] as? Int } == [4, 8])
        let points = try #require(swept["points"] as? [[String: Any]])
        #expect(Set(points.compactMap { $0["model"] as? Int }) == [0, 1])
        #expect(points.allSatisfy { $0["trained_steps"] is Int })
        #expect(try String(contentsOfFile: scratch("sweep.html"), encoding: .utf8).contains("Accuracy against cost"))
        let varied = try json(["sweep", "--sensitivity", "--shots", "1", "--test", test] + rows)
        #expect(varied["schema"] as? String == "sono-sensitivity/1" && varied["support_rows"] as? Int == 6)
        #expect((varied["trials"] as? [[String: Any]])?.count == 9)
    }

    @Test("sets from elsewhere are judged by what was fitted for the test set, and a page shows the same figures")
    func shift() throws {
        _ = try json(["train"] + rows + ["--budget", "fast", "--output", scratch("m.safetensors")])
        let validation = scratch("v.safetensors")
        let page = scratch("page.html")
        let asked = ["evaluate", "--model", scratch("m.safetensors"), "--baselines", "gda,zero-shot"] + rows
        let report = try json(asked + ["--test", test, "--shift-test", test, validation, "--report", page])
        let shifts = try #require(report["shifts"] as? [[String: Any]])
        #expect(shifts.map { $0["name"] as? String } == [test, validation])
        func accuracy(_ one: [String: Any]?, _ baseline: String) throws -> Double {
            let all = try #require(one?["baselines"] as? [String: [String: Any]])
            return try #require(all[baseline]?["accuracy"] as? Double)
        }
        // The same rows again: the same answers, by the same fit.
        #expect(shifts[0]["accuracy"] as? Double == report["accuracy"] as? Double)
        #expect(try accuracy(shifts[0], "gda") == accuracy(report, "gda"))
        let alone = try json(asked + ["--test", validation])
        #expect(shifts[1]["accuracy"] as? Double == alone["accuracy"] as? Double)
        #expect(try accuracy(shifts[1], "gda") == accuracy(alone, "gda"))
        let told = try Sono.run(asked + ["--test", test, "--shift-test", validation])
        #expect(told.output.contains("accuracy under shift") && told.output.contains("shift 1: \(validation)"))
        let text = try String(contentsOfFile: page, encoding: .utf8)
        let share = try #require(report["accuracy"] as? Double)
        #expect(text.contains(String(format: "%.1f %%", 100 * share)) && text.contains("<svg"))
    }

    @Test("a shifted set that cannot be judged is named; one that shares no class is refused")
    func badShift() throws {
        _ = try json(["train"] + rows + ["--budget", "fast", "--output", scratch("m.safetensors")])
        let asked = ["evaluate", "--model", scratch("m.safetensors"), "--test", test, "--shift-test"]
        let foreign = scratch("foreign.safetensors")
        var writer = SafetensorsWriter(metadata: ["schema": "embedding-set/1", "classes": #"["x","y"]"#])
        try writer.add("labels", shape: [2], integers: [0, 1], as: .int32)
        try writer.add("embeddings", shape: [2, 384], floats: [Float](repeating: 0.1, count: 2 * 384), as: .float16)
        try writer.write(to: foreign)
        let outcome = try Sono.run(asked + [foreign])
        #expect(outcome.status == 65 && outcome.errors.contains("classes_mismatch: \(foreign)"), "\(outcome.errors)")
        let missing = try Sono.run(asked + [scratch("missing.safetensors")])
        #expect(missing.status == 66 && missing.errors.contains("missing.safetensors"), "\(missing.errors)")
    }

    @Test("a page that cannot be written is refused before the work", arguments: ["evaluate", "sweep"])
    func page(_ command: String) throws {
        _ = try json(["train"] + rows + ["--budget", "fast", "--output", scratch("m.safetensors")])
        let outcome = try Sono.run([
            command, "--model", scratch("m.safetensors"), "--test", test, "--report", scratch("none/page.html"),
        ])
        #expect(outcome.status == 74 && outcome.output.isEmpty && outcome.errors.contains("none"), "\(outcome.errors)")
    }

    @Test("distillation keeps order and width, a transferred model its source's order")
    func orders() throws {
        let cases = [
            ["--distill", "m", "--hidden", "8"], ["--distill", "m", "--order", "1"],
            ["--distill", "m", "--budget", "fast"],
        ]
        for arguments in cases {
            let outcome = try Sono.run(["train"] + rows + ["--output", scratch("x.safetensors")] + arguments)
            #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
        }
        _ = try json(["train"] + rows + ["--budget", "fast", "--output", scratch("m.safetensors")])
        let other = try Sono.run(
            ["train"] + rows + [
                "--order", "0", "--from", scratch("m.safetensors"), "--output", scratch("x.safetensors"),
            ])
        #expect(other.status == 64 && other.errors.contains("--order 0"), "\(other.errors)")
    }

    @Test("a sweep is of given models, of widths or of settings: one of them, with the rows that it needs")
    func usage() throws {
        let wrong: [[String]] = [
            ["--test", test], ["--widths", "4", "--sensitivity", "--test", test] + rows,
            ["--widths", "4", "--test", test],
            ["--model", scratch("m.safetensors"), "--test", test] + rows, ["--widths", "0", "--test", test] + rows,
            ["--widths", "99999", "--test", test] + rows, ["--sensitivity", "--steps", "2", "--test", test] + rows,
        ]
        for arguments in wrong {
            let outcome = try Sono.run(["sweep"] + arguments)
            #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
        }
    }
}
