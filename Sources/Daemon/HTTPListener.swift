import Failures
import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import Synchronization

/// An HTTP server on a unix socket or a TCP port, until it is stopped.
final class HTTPListener: Sendable {
    private let server: HTTPServer
    private let task: Task<Void, any Error>
    private let socketFile: String?
    private let shortPath: SocketPath?

    /// Listens on a unix socket of mode 0660, in place of one that a killed service left.
    static func unix(_ path: String, handler: some HTTPHandler) throws -> HTTPListener {
        let short = try SocketPath(path)
        unlink(path)
        let configuration = HTTPServer.Configuration(
            address: .unix(path: short.path), timeout: 5, sharedRequestReplaySize: 64 << 10, logger: .disabled)
        return try HTTPListener(configuration, handler, socketFile: path, shortPath: short)
    }

    /// Listens on HOST:PORT, HOST being a numeric address; it is the caller's to say a loopback one.
    static func tcp(_ address: String, handler: some HTTPHandler) throws -> HTTPListener {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            throw Failure(.invalidArgument, "\(address): expected HOST:PORT such as 127.0.0.1:8080.")
        }
        let host = address[..<colon].trimmingCharacters(in: ["[", "]"])
        do {
            let configuration =
                host.contains(":")
                ? HTTPServer.Configuration(
                    address: try .inet6(ip6: host, port: port), timeout: 5, sharedRequestReplaySize: 64 << 10,
                    logger: .disabled)
                : HTTPServer.Configuration(
                    address: try .inet(ip4: host == "localhost" ? "127.0.0.1" : host, port: port), timeout: 5,
                    sharedRequestReplaySize: 64 << 10, logger: .disabled)
            return try HTTPListener(configuration, handler, socketFile: nil, shortPath: nil)
        } catch let error as SocketError {
            throw Failure(.invalidArgument, "\(address) cannot be listened on.", cause: "\(error)")
        }
    }

    private init(
        _ configuration: HTTPServer.Configuration, _ handler: some HTTPHandler, socketFile: String?,
        shortPath: SocketPath?
    ) throws {
        let server = HTTPServer(config: configuration, handler: handler)
        self.server = server
        self.socketFile = socketFile
        self.shortPath = shortPath
        task = Task { try await server.run() }
        let place = socketFile ?? "the port"
        try Self.wait { [task] in
            do {
                try await server.waitUntilListening(timeout: 5)
            } catch {
                task.cancel()
                throw Failure(.ioError, "\(place) cannot be listened on: check its directory.", cause: "\(error)")
            }
        }
        if let socketFile, chmod(socketFile, 0o660) != 0 { throw Failure.system("chmod \(socketFile)") }
    }

    /// Stops listening; answers under way have a tenth of a second.
    func stop() {
        let server = server
        try? Self.wait { await server.stop(timeout: 0.1) }
        task.cancel()
        if let socketFile { unlink(socketFile) }
    }

    /// Runs asynchronous work to its end from a thread that may block.
    private static func wait(_ body: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let outcome = Outcome()
        Task {
            do { try await body() } catch { outcome.error.withLock { $0 = error } }
            done.signal()
        }
        done.wait()
        if let error = outcome.error.withLock({ $0 }) { throw error }
    }

    private final class Outcome: Sendable {
        let error = Mutex<(any Error)?>(nil)
    }
}
