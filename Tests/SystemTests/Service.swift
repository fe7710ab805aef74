import Foundation
import GRDB
import TestSupport
import Testing

/// A real `sono serve --root` with one pipeline, `p`, serving the reference model.
final class Service {
    let root: Scratch
    private(set) var process: Process?

    static let pipeline = """
        model: reference.safetensors
        settle: 200ms
        incomplete_after: 1s
        """

    init(pipeline: String = Service.pipeline) throws {
        root = try Scratch()
        let files = FileManager.default
        for folder in ["pipeline.d", "models", "logs"] {
            try files.createDirectory(atPath: root(folder), withIntermediateDirectories: true)
        }
        try files.copyItem(atPath: Batches.model.path, toPath: root("models/reference.safetensors"))
        try Data(pipeline.utf8).write(to: root.url.appending(path: "pipeline.d/p.yaml"))
    }

    deinit {
        if let process, process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Starts the service and waits until it answers; as another user where one is named (root only), or under a tool
    /// that starts it.
    func start(as user: String? = nil, under tool: [String] = [], options: [String] = []) throws {
        let command = ["serve", "--root", root.url.path] + options
        let logs = root.url.appending(path: "logs")
        if let user {
            let change = ["--reuid", user, "--clear-groups", Sono.executable.path]
            process = try Sono.start(change + command, logs: logs, executable: URL(fileURLWithPath: "/usr/bin/setpriv"))
        } else if let program = tool.first {
            process = try Sono.start(
                tool.dropFirst() + [Sono.executable.path] + command, logs: logs,
                executable: URL(fileURLWithPath: program))
        } else {
            process = try Sono.start(command, logs: logs)
        }
        try eventually("the service answers") {
            guard isRunning else { throw Ended(log: log) }
            // Not from the store: that answers while a service is down, too.
            let status = try Sono.run(["status", "--root", root.url.path, "--json"])
            return try status.status == 0 && status.json()["phase"] as? String == "ready"
        }
    }

    /// The service ended before it answered.
    struct Ended: Error {
        let log: String
    }

    var isRunning: Bool { process?.isRunning ?? false }

    var log: String { (try? String(contentsOfFile: root("logs/err"), encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) {
        if let process { kill(process.processIdentifier, number) }
    }

    /// Ends the service and returns its exit status (negative: the signal that ended it).
    @discardableResult
    func stop(_ number: Int32 = SIGTERM) -> Int32 {
        guard let process else { return 0 }
        signal(number)
        process.waitUntilExit()
        self.process = nil
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// The most memory that the running service has held so far.
    func peakBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(try identifier())/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "")) * 1_024
    }

    /// Processor time that the running service has taken, which a crowded machine does not change.
    func processorSeconds() throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(try identifier())/stat", encoding: .utf8)
        // Behind the program's name, which may hold anything: utime and stime are the 12th and 13th.
        let fields = try #require(status.split(separator: ")").last).split(separator: " ")
        let ticks = try #require(Int(fields[11])) + #require(Int(fields[12]))
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private func identifier() throws -> Int32 { try #require(process).processIdentifier }

    /// Drops a file as a careful producer does: written under .tmp/, then renamed into incoming/.
    func drop(_ data: Data, as name: String) throws {
        let temporary = root("spool/p/.tmp/\(name)")
        try data.write(to: URL(fileURLWithPath: temporary))
        try #require(rename(temporary, root("spool/p/incoming/\(name)")) == 0)
    }

    func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root("spool/p/\(folder)")).sorted()
    }

    /// What a consumer sees: the views, through a connection of its own.
    func rows(_ sql: String) throws -> [Row] {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let database = try DatabaseQueue(path: root("state/sono.sqlite"), configuration: configuration)
        return try database.read { try Row.fetchAll($0, sql: sql) }
    }

    func number(_ sql: String) throws -> Int {
        try #require(rows(sql).first?[0] as Int?)
    }

    /// Waits until nothing waits any more: incoming/ and work/ are empty and every job is settled.
    func waitUntilSettled(within seconds: Double = 120) throws {
        try eventually("every input is settled", within: seconds) {
            try files(in: "incoming").isEmpty && files(in: "work").isEmpty
                && number("SELECT count(*) FROM v1_jobs WHERE state IN ('queued', 'running', 'retrying')") == 0
        }
    }
}
