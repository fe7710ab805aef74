import Daemon
import Failures
import Foundation
import Pipelines

/// The real service as a child of this process, run from the same program; it does not outlive us.
final class ServiceProcess {
    private let process = Process()
    private let paths: ServicePaths
    private let log: String

    /// Starts `sono serve --root ROOT`, its log in ROOT/serve.log, and waits until it is ready.
    init(root: String) throws {
        paths = ServicePaths(root: root)
        log = "\(root)/serve.log"
        guard FileManager.default.createFile(atPath: log, contents: nil), let handle = FileHandle(forWritingAtPath: log)
        else { throw Failure(.ioError, "\(log) cannot be written: check the directory's mode.") }
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["serve", "--root", root, "--end-with-parent", String(getpid())]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        do {
            try process.run()
        } catch {
            throw Failure(
                .internal, "the service could not be started from this program: report this.", cause: "\(error)")
        }
        try wait(for: "the service to be ready") {
            guard let (report, source) = try? StatusClient(paths: paths).report() else { return false }
            return source == .service && report.phase == .ready
        }
    }

    /// Polls until it holds; fails if the service ends or a minute passes.
    func wait(for what: String, _ condition: () throws -> Bool) throws {
        let end = Date(timeIntervalSinceNow: 60)
        while try !condition() {
            guard process.isRunning else { throw failure("the service ended while we waited for \(what)") }
            guard Date() < end else { throw failure("a minute was not enough for \(what)") }
            Thread.sleep(forTimeInterval: 0.03)
        }
    }

    /// Asks it to stop, as systemd does, and expects a clean end.
    func stop() throws {
        process.terminate()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw failure("the service did not stop cleanly (status \(process.terminationStatus))")
        }
    }

    private func failure(_ what: String) -> Failure {
        let lines = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").suffix(5)
        return Failure(.internal, "\(what): report this with its log.", cause: lines.joined(separator: " | "))
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }
}
