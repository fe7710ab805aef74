import Failures
import Foundation
import Spooling
import Synchronization

/// Which file a first pass has in hand, and how often the service has ended abruptly over each.
///
/// STATE/examining survives the process, not a power loss: a file that takes the service down is read again and again until
/// this says so, and a power loss is nobody's fault. That is why nothing is synced here, and a first pass costs one write of
/// some bytes. The first line is the token in hand, each one after it a crash.
///
/// The claim's own note in the store would be durable, but cost every batch a commit more.
public final class Examinations: Sendable {
    private let path: String
    private let descriptor: Int32
    private struct State {
        var inHand = ""
        /// By token.
        var crashes: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private static let lineBytes = 64

    /// Takes up what the process before left: a file that it had in hand has crashed once more.
    ///
    /// - Parameter known: tokens of files that are no jobs yet; what is remembered of others is forgotten.
    /// - Throws: `io_error`, `no_space`.
    public init(path: String, known: Set<String>) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw Failure.system("open \(path)") }
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let token = line.trimmingCharacters(in: .whitespaces)
            if known.contains(token) { state.withLock { $0.crashes[token, default: 0] += 1 } }
        }
        try state.withLock { try write($0) }
    }

    deinit { close(descriptor) }

    /// How often the service, or a process of its own, has ended abruptly over a file.
    public func crashes(of token: ClaimToken) -> Int { state.withLock { $0.crashes[token.text] ?? 0 } }

    /// Does work on a file that may take the process down.
    public func withInHand<Value>(_ token: ClaimToken, _ work: () throws -> Value) rethrows -> Value {
        take(token.text)
        defer { take("") }
        return try work()
    }

    /// A process of its own has ended abruptly over a file.
    public func count(_ token: ClaimToken) {
        state.withLock { state in
            state.crashes[token.text, default: 0] += 1
            try? write(state)
        }
    }

    /// The file has become a job.
    public func forget(_ token: ClaimToken) {
        state.withLock { state in
            if state.crashes.removeValue(forKey: token.text) != nil { try? write(state) }
        }
    }

    /// What cannot be written is no reason to stop: only a crash would be charged to nobody.
    private func take(_ token: String) {
        state.withLock { state in
            state.inHand = token
            let line = Array((Self.line(token) + "\n").utf8)
            _ = pwrite(descriptor, line, line.count, 0)
        }
    }

    private func write(_ state: State) throws {
        let crashes = state.crashes.sorted { $0.key < $1.key }.flatMap { Array(repeating: $0.key, count: $0.value) }
        let text = Array((([Self.line(state.inHand)] + crashes).joined(separator: "\n") + "\n").utf8)
        guard pwrite(descriptor, text, text.count, 0) == text.count, ftruncate(descriptor, off_t(text.count)) == 0
        else { throw Failure.system("write \(path)") }
    }

    /// Of one length, so that a token is written over the one before.
    private static func line(_ token: String) -> String {
        token.padding(toLength: lineBytes - 1, withPad: " ", startingAt: 0)
    }
}
