import Failures
import Foundation

/// Standard output: data and nothing else. Words for a person go to `Messages`.
///
/// Text is gathered and written in pieces of 64 KiB, so that a million rows do not cost a million system calls.
struct Output: ~Copyable {
    private var buffer: [UInt8] = []
    private static let pieceBytes = 64 << 10

    /// The reader of our standard output went away: nothing is wrong, there is just nobody to write for.
    struct ReaderGone: Error {}

    mutating func write(_ text: String) throws {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.pieceBytes { try flush() }
    }

    mutating func line(_ text: String = "") throws {
        try write(text)
        try write("\n")
    }

    /// Writes out what was gathered. Without it the last piece is lost.
    mutating func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        try buffer.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
                if count >= 0 {
                    done += count
                } else if errno == EPIPE {
                    throw ReaderGone()
                } else if errno != EINTR {
                    throw Failure.system("writing to standard output")
                }
            }
        }
    }

    /// Writes one whole text.
    static func print(_ text: String) throws {
        var output = Output()
        try output.line(text)
        try output.flush()
    }

    /// Writes one JSON document.
    static func print(json value: some Encodable) throws {
        try print(JSONText.document(value))
    }
}

/// Standard error: words for a person.
enum Messages {
    static func say(_ words: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(ForeignText.line(words))\n".utf8))
    }

    /// - Parameter file: what they are about.
    static func warn(_ words: [String], of file: String) {
        warn(words.map { "\(file): \($0)" })
    }

    static func warn(_ words: [String]) {
        for warning in words { say("sono: \(warning)") }
    }
}
