import Foundation
import GRDB
import TestSupport
import Testing

@Suite("sono status")
struct StatusTests {
    /// The questions, in the order in which they are answered.
    private static let questions = ["alive", "ready", "progress", "stuck"]

    private func status(_ root: Scratch, _ more: [String] = []) throws -> Sono.Outcome {
        try Sono.run(["status", "--root", root.path] + more)
    }

    private func answer(_ question: String, in text: String) throws -> String {
        String(try #require(text.split(separator: "\n").first { $0.hasPrefix(question) }, "\(text)"))
    }

    @Test("the answers come in order: alive, ready, making progress, what is stuck and why, what to type")
    func order() throws {
        let service = try Service()
        try service.start()
        let well = try status(service.root)
        #expect(well.status == 0)
        #expect(try answer("alive", in: well.output).contains("yes"))
        #expect(try answer("ready", in: well.output).contains("yes"))
        #expect(try answer("progress", in: well.output).contains("idle"))
        #expect(try answer("stuck", in: well.output).contains("nothing"))
        #expect(!well.output.contains("to type"))

        try service.drop(Data("no batch".utf8), as: "x.safetensors")
        try eventually("it is refused") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed'") == 1
        }
        let failing = try status(service.root)
        #expect(try answer("stuck", in: failing.output).contains("job 1: incomplete: x.safetensors"))
        let starts = try (Self.questions + ["pipeline", "to type"]).map { word in
            try #require(failing.output.range(of: "\n\(word)") ?? failing.output.range(of: word)).lowerBound
        }
        #expect(starts == starts.sorted())
        // These bytes would fail again.
        #expect(failing.output.contains("sono job 1 --root \(service.root.path)"))
        // What is printed is copied: it must work.
        #expect(try Sono.run(["jobs", "--state", "failed", "--root", service.root.path]).status == 0)
        #expect(service.stop() == 0)
    }

    @Test("a service that is down and cannot start says what is wrong in pipeline.d before it says how to start it")
    func misconfigured() throws {
        let service = try Service()
        try service.start()
        #expect(service.stop() == 0)
        try Data("modle: m.safetensors\n".utf8).write(to: URL(fileURLWithPath: service.root("pipeline.d/p.yaml")))
        let outcome = try status(service.root)
        #expect(outcome.status == 69)
        #expect(try answer("stuck", in: outcome.output).contains("p: configuration_invalid"))
        let check = try #require(outcome.output.range(of: "sono serve --check --root")).lowerBound
        #expect(try check < #require(outcome.output.range(of: "# start it")).lowerBound)
    }

    @Test("doctor tells the running service's troubles with their commands, and what is wrong in pipeline.d only once")
    func doctor() throws {
        let service = try Service()
        try service.start()
        try service.drop(Data("no batch".utf8), as: "x.safetensors")
        try eventually("it is refused") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed'") == 1
        }
        let failed = try Sono.run(["doctor", "--root", service.root.path])
        // What failed is the batch's fault.
        #expect(failed.status == 0, "\(failed.output)")
        #expect(
            failed.output.contains("note: service: 1 failed within a day; the newest, job 1: incomplete"),
            "\(failed.output)")
        #expect(failed.output.contains("sono jobs --state failed --root \(service.root.path)"), "\(failed.output)")

        try service.root.write("model: reference.safetensors", to: "pipeline.d/q.yml")
        service.signal(SIGHUP)
        try eventually("it is reported") { try status(service.root).output.contains("q.yml") }
        let refused = try Sono.run(["doctor", "--root", service.root.path])
        #expect(refused.status == 1)
        #expect(refused.output.split(separator: "rename it to q.yaml").count == 2, "\(refused.output)")
        #expect(refused.output.contains("kill -HUP"), "\(refused.output)")
        // The others went on.
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1)
        #expect(service.stop() == 0)
        let down = try Sono.run(["doctor", "--root", service.root.path])
        #expect(down.output.contains("then sono serve --root") && !down.output.contains("HUP"), "\(down.output)")
    }

    @Test("down, ended abruptly, and hung are told apart; each exits 69 and says what the store says")
    func absence() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        func kind() throws -> String? {
            let outcome = try status(service.root, ["--json"])
            #expect(outcome.status == 69 && outcome.errors.contains("unavailable"))
            let report = try outcome.json()
            let pipelines = try #require(report["pipelines"] as? [[String: Any]])
            let counts = try #require(pipelines.first?["counts"] as? [String: Any])
            #expect(counts["rows_ok"] as? Int == 10 && report["phase"] as? String == "down")
            return (report["absence"] as? [String: Any])?["kind"] as? String
        }
        let pid = try #require(service.process).processIdentifier
        service.signal(SIGSTOP)
        let began = Date()
        #expect(try kind() == "hung")
        // Five seconds for the answer, one for a sign of life; the rest is for a crowded machine.
        #expect(Date().timeIntervalSince(began) < 9)
        let hung = try status(service.root)
        #expect(try answer("alive", in: hung.output).contains("\(pid)"))
        service.signal(SIGCONT)
        #expect(try status(service.root).status == 0)
        service.stop(SIGKILL)
        #expect(try kind() == "stale_socket")
        try service.start()
        #expect(service.stop() == 0)
        #expect(try kind() == "down")
    }

    @Test("a process that has the lock and does not listen yet is said to start, not to be down")
    func starting() throws {
        let service = try Service()
        try service.start()
        #expect(service.stop() == 0)
        let lock = try #require(FileHandle(forUpdatingAtPath: service.root("state/sono.lock")))
        #expect(flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0)
        let outcome = try status(service.root)
        #expect(outcome.status == 69)
        #expect(try answer("alive", in: outcome.output).contains("starting"), "\(outcome.output)")
    }

    @Test(
        "a store of another version is named, with both versions and the remedy",
        arguments: [("newer", 99, "store_newer"), ("older", 1, "unavailable")])
    func otherVersion(_ word: String, _ version: Int, _ code: String) throws {
        let service = try Service()
        try service.start()
        #expect(service.stop() == 0)
        let database = try DatabaseQueue(path: service.root("state/sono.sqlite"))
        try database.write { try $0.execute(sql: "PRAGMA user_version = \(version)") }
        try database.close()
        let outcome = try status(service.root, ["--json"])
        #expect(outcome.status == 69)
        let problem = try #require(outcome.json()["store_problem"] as? [String: Any], "\(outcome.output)")
        #expect(problem["code"] as? String == code)
        #expect((problem["message"] as? String)?.contains("schema \(version)") == true, "\(problem)")
        // A start brings an older one up to date.
        #expect(try status(service.root).output.contains("sono doctor") == (word == "newer"))
        #expect(try status(service.root).output.contains("sono serve --root"))
    }

    @Test("--watch repeats plainly where there is no terminal, and goes on while the service is down and up again")
    func watchWithoutTerminal() throws {
        let service = try Service()
        try service.start()
        let logs = try Scratch()
        let watch = try Sono.start(["status", "--watch", "--json", "--root", service.root.path], logs: logs.url)
        defer { watch.terminate() }
        func phases() throws -> [String] {
            try String(contentsOf: logs.url.appending(path: "out"), encoding: .utf8).split(separator: "\n").map {
                line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return try #require(object?["phase"] as? String)
            }
        }
        try eventually("ready") { try phases().last == "ready" }
        #expect(service.stop() == 0)
        try eventually("down") { try phases().last == "down" }
        try service.start()
        try eventually("ready again") { try phases().last == "ready" }
        #expect(watch.isRunning)
    }

    @Test("--watch draws in place on a terminal, within its window, and leaves it as it was when interrupted")
    func watchOnTerminal() throws {
        let service = try Service()
        try service.start()
        let terminal = try PseudoTerminal(columns: 60, rows: 12)
        let before = terminal.settings
        let process = Process()
        process.executableURL = Sono.executable
        process.arguments = ["status", "--watch", "--root", service.root.path]
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = terminal.handle
        process.standardError = terminal.handle
        try process.run()
        // The second picture begins by going up over the first.
        try eventually("it is drawn again") { terminal.output.contains("A\r") }
        process.interrupt()
        process.waitUntilExit()
        let output = terminal.output
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGINT)
        #expect(terminal.settings == before)
        // No other screen, no hidden cursor, no colour that is left on.
        #expect(!output.contains("\u{1B}[?"))
        #expect(output.components(separatedBy: "\u{1B}[1m").count <= output.components(separatedBy: "\u{1B}[0m").count)
        let lines = output.replacing(/\u{1B}\[[0-9;]*[A-Za-z]/, with: "").split(whereSeparator: \.isNewline)
        #expect(lines.count > 5 && lines.allSatisfy { $0.count <= 60 }, "\(lines)")
        let first = try #require(output.firstRange(of: /\u{1B}\[[0-9]+A/)).lowerBound
        #expect(output[..<first].count { $0 == "\n" || $0 == "\r\n" } < 12)
        #expect(service.stop() == 0)
    }
}
