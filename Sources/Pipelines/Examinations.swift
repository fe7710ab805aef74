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
    /// By token.
    private let crashes = Mutex<[String: Int]>([:])
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
            if known.contains(token) { crashes.withLock { $0[token, default: 0] += 1 } }
        }
        try write()
    }

    deinit { close(descriptor) }

    /// How often the service, or a process of its own, has ended abruptly over a file.
    public func crashes(of token: ClaimToken) -> Int { crashes.withLock { $0[token.text] ?? 0 } }

    /// Does work on a file that may take the process down.
    public func withInHand<Value>(_ token: ClaimToken, _ work: () throws -> Value) rethrows -> Value {
        note(token.text)
        defer { note("") }
        return try work()
    }

    /// A process of its own has ended abruptly over a file.
    public func count(_ token: ClaimToken) {
        crashes.withLock { $0[token.text, default: 0] += 1 }
        try? write()
    }

    /// The file has become a job.
    public func forget(_ token: ClaimToken) {
        let isKnown = crashes.withLock { $0.removeValue(forKey: token.text) != nil }
        if isKnown { try? write() }
    }

    /// What cannot be written is no reason to stop: only a crash would be charged to nobody.
    private func note(_ token: String) {
        var line = Array(token.utf8.prefix(Self.lineBytes - 1))
        line += [UInt8](repeating: UInt8(ascii: " "), count: Self.lineBytes - 1 - line.count) + [UInt8(ascii: "\n")]
        _ = pwrite(descriptor, line, line.count, 0)
    }

    private func write() throws {
        let lines = crashes.withLock { crashes in
            crashes.sorted { $0.key < $1.key }.flatMap { Array(repeating: $0.key, count: $0.value) }
        }
        let blank = String(repeating: " ", count: Self.lineBytes - 1)
        let text = Array((([blank] + lines).joined(separator: "\n") + "\n").utf8)
        guard pwrite(descriptor, text, text.count, 0) == text.count, ftruncate(descriptor, off_t(text.count)) == 0
        else { throw Failure.system("write \(path)") }
    }
}
