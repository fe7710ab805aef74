import Foundation
import TestSupport
import Testing

@Suite("sono train and sono evaluate, on real data")
struct TrainTests {
    private let scratch: Scratch
    private let sets: [String]

    init() throws {
        scratch = try Scratch()
        sets = [
            "--support", try Sections.write("support", perClass: 8, to: scratch("support.safetensors")),
            "--prompts", try Sections.write("prompts", to: scratch("prompts.safetensors")),
        ]
    }

    private func train(_ more: [String], output: String = "m.safetensors") throws -> Sono.Outcome {
        try Sono.run(["train"] + sets + ["--hidden", "16", "--output", scratch(output)] + more)
    }

    private func validation() throws -> [String] {
        ["--validation", try Sections.write("validation", to: scratch("validation.safetensors"))]
    }

    private func manifest(_ model: String = "m.safetensors") throws -> [String: Any] {
        let inspected = try Sono.run(["inspect", "--json", scratch(model)])
        let text = try #require(try inspected.json()["training"] as? String)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("evaluate's figures are those of what refine answers; both commands have the keys of the contract")
    func figures() throws {
        let trained = try train(validation() + ["--json"])
        #expect(trained.status == 0, "\(trained.errors)")
        let training = try trained.json()
        #expect(
            training.keys.sorted() == [
                "classes", "evaluations", "is_zero_shot", "model_bytes", "model_id", "order", "output", "recipe",
                "schema", "seconds", "selection", "solver", "steps", "support_accuracy", "trials", "validation",
                "warnings",
            ])
        #expect(training["solver"] as? String == "rk4" && training["steps"] as? Int == 1)
        #expect(training["recipe"] as? String == "standard")

        let model = scratch("m.safetensors")
        let test = try Sections.write("test", perClass: 60, to: scratch("test.safetensors"))
        let evaluated = try Sono.run([
            "evaluate", "--model", model, "--test", test, "--prompts", scratch("prompts.safetensors"), "--json",
        ])
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let report = try evaluated.json()
        #expect(
            report.keys.sorted() == [
                "accuracy", "balanced_accuracy", "classes", "confusions", "ece", "ece_bins", "evaluations", "form",
                "kernel", "macro_f1", "model_id", "nll", "order", "reliability", "rows", "rows_failed",
                "rows_per_second",
                "rows_unlabelled", "schema", "solver", "steps", "warnings", "zero_shot",
            ])
        let expected = try answers(model, test)
        #expect(report["rows"] as? Int == expected.rows)
        for (key, value) in [
            ("accuracy", expected.accuracy), ("macro_f1", expected.macroF1), ("ece", expected.ece),
        ] {
            let found = try #require(report[key] as? Double, "\(key)")
            #expect(abs(found - value) < 1e-5, "\(key): \(found), not \(value)")
        }
        let zeroShot = try #require((report["zero_shot"] as? [String: Any])?["accuracy"] as? Double)
        #expect(expected.accuracy > zeroShot && zeroShot > 1.0 / Double(Sections.classes))
    }

    @Test("evaluate sets baselines beside the model: a table for a person, the same by name in --json")
    func baselines() throws {
        #expect(try train(validation()).status == 0)
        let test = try Sections.write("test", perClass: 20, to: scratch("test.safetensors"))
        let arguments =
            [
                "evaluate", "--model", scratch("m.safetensors"), "--test", test, "--validation",
                scratch("validation.safetensors"),
            ]
            + sets
        let all = try Sono.run(arguments + ["--baselines", "all", "--json"])
        #expect(all.status == 0, "\(all.errors)")
        let baselines = try #require(try all.json()["baselines"] as? [String: [String: Any]])
        #expect(
            baselines.keys.sorted() == [
                "clip-adapter", "cross-modal-linear", "gda", "gda-text", "linear-probe", "lp++", "order-0", "order-1",
                "residual-mlp", "taskres", "tip-adapter", "tip-adapter-f", "zero-shot",
            ])
        for (name, report) in baselines {
            #expect(
                report.keys.sorted() == [
                    "accuracy", "balanced_accuracy", "ece", "macro_f1", "microseconds_per_row", "nll", "parameters",
                    "rows_failed", "selection", "settings", "temperature", "training_seconds", "trials",
                ], "\(name)")
            #expect(try #require(report["accuracy"] as? Double) > 1.5 / Double(Sections.classes), "\(name)")
        }
        let zeroShot = try #require(try all.json()["zero_shot"] as? [String: Any])
        #expect(zeroShot["accuracy"] as? Double == baselines["zero-shot"]?["accuracy"] as? Double)

        let some = try Sono.run(arguments + ["--baselines", "gda,zero-shot"])
        #expect(some.output.contains("\nzero-shot ") && some.output.contains("\ngda "), "\(some.output)")
        #expect(some.output.contains("\nthis model ") && !some.output.contains("tip-adapter"), "\(some.output)")
    }

    @Test("train tells the support accuracy of the model it wrote, not of the last one it tried")
    func supportAccuracy() throws {
        let trained = try train(validation() + ["--order", "0", "--budget", "thorough", "--json"])
        #expect(trained.status == 0, "\(trained.errors)")
        let told = try #require(try trained.json()["support_accuracy"] as? Double)
        let own = try Sono.run([
            "evaluate", "--model", scratch("m.safetensors"), "--test", scratch("support.safetensors"), "--json",
        ])
        #expect(try own.json()["accuracy"] as? Double == told)
        // Without which the two could not be told apart.
        let trials = try #require(try trained.json()["trials"] as? [[String: Any]])
        #expect(trials.count == 3 && trials.contains { $0["support_accuracy"] as? Double != told })
    }

    /// What `sono refine` answers, counted here.
    private func answers(
        _ model: String, _ test: String
    ) throws -> (rows: Int, accuracy: Double, macroF1: Double, ece: Double) {
        let refined = try Sono.run(["refine", "--model", model, test, scratch("refined.safetensors")])
        #expect(refined.status == 0, "\(refined.errors)")
        let output = try Tensors(path: scratch("refined.safetensors"))
        let labels = try Tensors(path: test).int32s("labels")
        let predicted = try output.int32s("predicted")
        let scores = try output.floats("score").map(Double.init)
        let rows = labels.indices
        let right = rows.map { predicted[$0] == labels[$0] }
        let f1 = (0..<Int32(Sections.classes)).map { c in
            let both = labels.count { $0 == c } + predicted.count { $0 == c }
            return both == 0 ? 0 : 2 * Double(rows.count { right[$0] && labels[$0] == c }) / Double(both)
        }
        let gaps = (1...15).map { bin in
            let inside = rows.filter { Int((scores[$0] * 15).rounded(.up)) == bin }
            return abs(inside.reduce(0) { $0 + (right[$1] ? 1 : 0) - scores[$1] })
        }
        let n = Double(labels.count)
        return (
            labels.count, Double(right.count { $0 }) / n, f1.reduce(0, +) / Double(f1.count), gaps.reduce(0, +) / n
        )
    }

    @Test("the same seed gives the same file whatever the threads, another seed another; shots are drawn by the seed")
    func seeds() throws {
        var files: [Data] = []
        for (seed, threads) in [(1, 1), (1, 2), (2, 1)] {
            let outcome = try train([
                "--shots", "3", "--seed", "\(seed)", "--threads", "\(threads)", "--solver", "heun", "--steps", "2",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            files.append(try Data(contentsOf: URL(fileURLWithPath: scratch("m.safetensors"))))
        }
        #expect(files[0] == files[1] && files[0] != files[2])
        let manifest = try manifest()
        #expect(manifest["shots"] as? Int == 3 && manifest["draw_seed"] as? Int == 2)
        #expect((manifest["support"] as? [String: Any])?["rows"] as? Int == 3 * Sections.classes)
        #expect(manifest["selection"] as? String == "cross_fit")
        let options = try #require(manifest["options"] as? [String: Any])
        #expect(options["solver"] as? String == "heun" && options["steps"] as? Int == 2 && options["recipe"] == nil)
    }

    @Test("fixed draws choose the support rows and the validation rows")
    func draws() throws {
        try scratch.write(#"{"2": {"1": [0, 3, 8, 11, 20]}}"#, to: "draws.json")
        try scratch.write(#"{"2": {"1": [1, 2, 3, 4, 5, 6, 7]}}"#, to: "judges.json")
        let outcome = try train(
            validation() + [
                "--shots", "2", "--draws", scratch("draws.json"), "--validation-draws", scratch("judges.json"),
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let manifest = try manifest()
        #expect((manifest["support"] as? [String: Any])?["rows"] as? Int == 5)
        #expect((manifest["validation"] as? [String: Any])?["rows"] as? Int == 7)
        #expect(manifest["selection"] as? String == "validation")
    }

    @Test("what cannot be trained or judged ends with the contract's exit code, and no model is written")
    func exitCodes() throws {
        let rows = scratch("rows.safetensors")
        try Batches.batch(rows: 10, seed: 1).write(to: URL(fileURLWithPath: rows))
        try scratch.write("{}", to: "draws.json")
        let output = ["--output", scratch("m.safetensors")]
        let trained: [([String], Int32)] = [
            (sets, 64), (sets + output + ["--solver", "rk4"], 64), (sets + output + ["--steps", "2"], 64),
            (sets + output + ["--solver", "euler", "--steps", "1"], 64), (sets + output + ["--shots", "0"], 64),
            (sets + output + ["--draws", scratch("draws.json")], 64),
            (sets + output + ["--shots", "2", "--draws", scratch("draws.json")], 66),
            (sets + ["--output", scratch.path], 64),
            (["--support", scratch("absent")] + sets.suffix(2) + output, 66),
            (["--support", rows] + sets.suffix(2) + output, 65),
        ]
        for (arguments, status) in trained {
            let outcome = try Sono.run(["train"] + arguments)
            #expect(outcome.status == status, "sono train \(arguments): \(outcome.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: scratch("m.safetensors")))
        let model = ["--model", Batches.model.path]
        let judged: [([String], Int32)] = [
            (["--test", rows], 65), (["--test", rows, "--threads", "0"], 64),
            (["--test", rows, "--threads=-1"], 64), (["--test", scratch("absent")], 66),
            (["--test", rows, "--baselines", "all"], 64), (["--test", rows, "--support", rows], 64),
            (["--test", rows, "--baselines", "none"] + sets, 64),
        ]
        for (arguments, status) in judged {
            let outcome = try Sono.run(["evaluate"] + model + arguments)
            #expect(outcome.status == status, "sono evaluate \(arguments): \(outcome.errors)")
        }
    }
}
