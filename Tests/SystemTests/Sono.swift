import Foundation
import Testing

/// The real binary, beside the test runner in the build folder.
enum Sono {
    static let executable: URL = {
        let runner = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return runner.deletingLastPathComponent().appending(path: "sono")
    }()

    struct Outcome {
        let status: Int32
        let output: String
        let errors: String

        /// Standard output as one JSON object.
        func json() throws -> [String: Any] {
            let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
            return try #require(object as? [String: Any], "not a JSON object: \(output)")
        }
    }

    /// Runs one command to its end.
    @discardableResult
    static func run(
        _ arguments: [String], executable: URL = Sono.executable, environment: [String: String] = [:]
    ) throws -> Outcome {
        let folder = try Scratch()
        let process = try start(arguments, logs: folder.url, executable: executable, environment: environment)
        process.waitUntilExit()
        return Outcome(
            status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
            output: try String(contentsOf: folder.url.appending(path: "out"), encoding: .utf8),
            errors: try String(contentsOf: folder.url.appending(path: "err"), encoding: .utf8))
    }

    /// Starts a command with its output going to the files `out` and `err` in `logs`: no pipe that could fill up.
    static func start(
        _ arguments: [String], logs: URL, executable: URL = Sono.executable, environment: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try appending(logs.appending(path: "out"))
        process.standardError = try appending(logs.appending(path: "err"))
        try process.run()
        return process
    }

    private static func appending(_ url: URL) throws -> FileHandle {
        let descriptor = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        try #require(descriptor >= 0)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}

/// A folder of its own for each test, gone with the last reference.
final class Scratch: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "sono-system-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func callAsFunction(_ path: String) -> String {
        url.appending(path: path).path
    }
}

/// Polls until `condition` holds; the promise is that it comes true, the limit only ends a test that would never end.
func eventually(
    _ what: String, within seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () throws -> Bool
) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if try condition() { return }
        usleep(20_000)
    }
    Issue.record("still waiting after \(seconds) s: \(what)", sourceLocation: sourceLocation)
    throw Timeout()
}

struct Timeout: Error {}
