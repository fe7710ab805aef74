import Failures

/// The name of a directory entry: 1 to 255 bytes, any but NUL and `/`, not `.` or `..`.
///
/// Names are bytes on Linux. Nothing here assumes UTF-8; `displayText` is for people, logs and JSON.
public struct FileName: Hashable, Sendable {
    public let bytes: [UInt8]

    /// The longest name that Linux file systems take.
    public static let longest = 255

    /// Nil when the bytes cannot name a directory entry.
    public init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= FileName.longest, !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")),
            bytes != [UInt8(ascii: ".")], bytes != [UInt8(ascii: "."), UInt8(ascii: ".")]
        else { return nil }
        self.bytes = bytes
    }

    /// Nil when the text cannot name a directory entry.
    public init?(_ text: String) {
        self.init(Array(text.utf8))
    }

    /// For names known to be well formed: made of a checked name and a few plain characters.
    init(checked bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension FileName {
    /// Whether producers use such names while they still write: a leading dot (rsync, proftpd), or one of the suffixes
    /// `.tmp`, `.part`, `.partial`, `.filepart` (browsers, curl, WinSCP), in any case.
    public var isIgnored: Bool {
        if bytes[0] == UInt8(ascii: ".") { return true }
        return FileName.unfinishedSuffixes.contains { suffix in
            bytes.count >= suffix.count
                && zip(bytes.suffix(suffix.count), suffix).allSatisfy { FileName.lowercased($0) == $1 }
        }
    }

    private static let unfinishedSuffixes = [".tmp", ".part", ".partial", ".filepart"].map { Array($0.utf8) }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension FileName: CustomStringConvertible {
    /// The name as text: UTF-8 as it is, every other byte, control character and backslash as `\xNN`, so that two
    /// names never read the same and none can forge a line of a log.
    public var displayText: String { ForeignText.escaped(bytes) }

    public var description: String { displayText }
}

extension FileName: Comparable {
    public static func < (left: FileName, right: FileName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
