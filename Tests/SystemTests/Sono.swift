import Foundation
import TestSupport
import Testing

/// The real binary, beside the test runner in the build folder.
enum Sono {
    static let executable = Product.executable

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
