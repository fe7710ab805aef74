import Foundation
import TestSupport
import Testing

@Suite("exit codes")
struct CommandTests {
    @Test("usage, missing input, bad data and an absent service have the exit codes of the contract")
    func exitCodes() throws {
        let scratch = try Scratch()
        let garbage = scratch("garbage.safetensors")
        try Data(repeating: 0xFF, count: 64).write(to: URL(fileURLWithPath: garbage))
        let expected: [([String], Int32)] = [
            (["refine"], 64),
            (["no-such-command"], 64),
            (["bench", "--shape", "8,4,2", "--steps", "2", "--batches", "0"], 64),
            (["inspect", scratch("absent")], 66),
            (["inspect", garbage], 65),
            (["refine", "--model", scratch("absent"), garbage, scratch("out")], 66),
            (["refine", "--model", garbage, garbage, scratch("out")], 65),
            (["status", "--root", scratch("nothing-here")], 69),
            (["demo", "--keep", garbage], 64),
            (["inspect", Batches.model.path], 0),
            (["--help"], 0),
            (["--version"], 0),
        ]
        for (arguments, status) in expected {
            let outcome = try Sono.run(arguments)
            #expect(outcome.status == status, "sono \(arguments): \(outcome.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: scratch("out")))
    }

    @Test("an answer to a mistake says it once, and lists what there is to choose from")
    func mistakes() throws {
        let state = try Sono.run(["jobs", "--state", "fail"])
        #expect(state.status == 64 && state.errors.contains("queued, running, retrying, held, done, failed"))
        let scratch = try Scratch()
        let model = try Sono.run(["inspect", scratch("absent.safetensors")])
        #expect(model.status == 66)
        let refine = try Sono.run(["refine", "--model", scratch("no"), scratch("in.npy"), scratch("out")])
        #expect(refine.errors.split(separator: scratch("no")).count == 2, "\(refine.errors)")
    }

    @Test("a warning names the set that it is about, and there is none about a set's licence")
    func warnings() throws {
        let scratch = try Scratch()
        for (key, isKnown) in [("clasess", false), ("licence", true)] {
            var set = Batches.batch(rows: 10, seed: 1)
            set.replaceSubrange(try #require(set.range(of: Data("encoder".utf8))), with: Data(key.utf8))
            let path = scratch("\(key).safetensors")
            try set.write(to: URL(fileURLWithPath: path))
            let outcome = try Sono.run(["train", "--support", path, "--prompts", path, "--output", scratch("m")])
            #expect(outcome.status == 65)
            #expect(outcome.errors.contains("sono: \(path): ignored unknown metadata") == !isKnown, "\(outcome.errors)")
        }
    }

    @Test("every command's help has an example that can be pasted: no line of it is wrapped")
    func examples() throws {
        let commands = [
            "demo", "serve", "submit", "status", "queue", "jobs", "job", "results", "requeue", "cancel", "hold",
            "release",
            "verify", "train", "evaluate", "pilot", "audit", "sweep", "bench", "refine", "inspect", "pack",
        ]
        for command in commands {
            let help = try Sono.run(["help", command]).output.split(separator: "\n", omittingEmptySubsequences: false)
            let start = try #require(help.firstIndex { $0.contains("EXAMPLE") }, "\(command) has no example")
            let example = help[(start + 1)...].prefix { !$0.isEmpty }
            #expect(example.first?.hasPrefix("  sono \(command)") == true, "\(command): \(example)")
            // ArgumentParser wraps at 80 columns and begins the rest of a line at the margin.
            #expect(example.allSatisfy { $0.hasPrefix("  ") }, "\(command): \(example)")
        }
    }

    @Test("a broken model is told apart from a broken set, and what is wrong with it is named")
    func brokenModel() throws {
        let scratch = try Scratch()
        var model = try Data(contentsOf: Batches.model)
        let steps = try #require(model.range(of: Data(#"\"steps\":"#.utf8)))
        model.replaceSubrange(steps, with: Data(#"\"stepz\":"#.utf8))
        try model.write(to: scratch.url.appending(path: "m.safetensors"))
        let outcome = try Sono.run(["inspect", scratch("m.safetensors")])
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("model_invalid") && outcome.errors.contains("steps"), "\(outcome.errors)")
    }

    @Test("refine does not write over its model, its input, or what is no file; a directory is told before the work")
    func refineTargets() throws {
        let scratch = try Scratch()
        let input = scratch("in.safetensors")
        let model = scratch("m.safetensors")
        try Batches.batch(rows: 10, seed: 1).write(to: URL(fileURLWithPath: input))
        try FileManager.default.copyItem(at: Batches.model, to: URL(fileURLWithPath: model))
        for output in [model, input, scratch.path] {
            let outcome = try Sono.run(["refine", "--model", model, input, output])
            #expect(outcome.status == 64, "\(outcome.errors)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == Data(contentsOf: Batches.model))
        #expect(try scratch.names() == ["in.safetensors", "m.safetensors"])
    }
}

@Suite("the demo and the installed tree")
struct DemoTests {
    @Test("the demo trains, serves, and beats zero-shot on real data, every row exactly once")
    func demo() throws {
        let scratch = try Scratch()
        let outcome = try Sono.run(["demo", "--json", "--keep", scratch("kept")])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let report = try outcome.json()
        let accuracy = try #require(report["accuracy"] as? Double)
        let zeroShot = try #require((report["zero_shot"] as? [String: Any])?["accuracy"] as? Double)
        #expect(accuracy >= 0.57 && accuracy > zeroShot + 0.05)
        #expect(report["rows"] as? Int == 3_607)
        #expect(report["every_row_once"] as? Bool == true)
        #expect(FileManager.default.fileExists(atPath: scratch("kept/state/sono.sqlite")))
    }

    @Test(
        "an installed tree that is moved away finds its data with the build folder out of sight",
        .enabled(if: getuid() == 0, "needs root, to hide the build folder from the moved program"))
    func movedTree() throws {
        let scratch = try Scratch()
        let source = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let install = try Process.run(
            URL(fileURLWithPath: "/usr/bin/make"),
            arguments: [
                "-s", "-C", source.path, "install", "DESTDIR=\(scratch("first"))", "BIN=\(Sono.executable.path)",
            ])
        install.waitUntilExit()
        try #require(install.terminationStatus == 0)
        for file in [
            "usr/lib/systemd/system/sono.service", "usr/lib/sysusers.d/sono.conf", "usr/lib/tmpfiles.d/sono.conf",
        ] {
            #expect(FileManager.default.fileExists(atPath: scratch("first/\(file)")), "\(file)")
        }
        try FileManager.default.moveItem(atPath: scratch("first"), toPath: scratch("second"))
        let build = Sono.executable.deletingLastPathComponent().path
        let outcome = try Sono.run(
            [
                "--mount", "sh", "-c",
                "mount -t tmpfs none '\(build)' && exec '\(scratch("second/usr/local/bin/sono"))' demo --json",
            ],
            executable: URL(fileURLWithPath: "/usr/bin/unshare"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try outcome.json()["rows"] as? Int == 3_607)
    }
}
