/// The class names of a batch, laid out once: as they are for the label column, and as JSON strings for `top_k`.
struct ClassText {
    private(set) var bytes: [UInt8] = []
    private(set) var plain: [Range<Int>] = []
    private(set) var quoted: [Range<Int>] = []
    /// The longest JSON string, in bytes.
    private(set) var longest = 0

    init(_ names: [String]) {
        for name in names {
            let start = bytes.count
            bytes.append(contentsOf: name.utf8)
            plain.append(start..<bytes.count)
            Self.appendQuoted(name, to: &bytes)
            quoted.append(plain[plain.count - 1].upperBound..<bytes.count)
            longest = max(longest, quoted[quoted.count - 1].count)
        }
        // Never empty: a pointer to it is always a pointer.
        bytes.append(0)
    }

    /// Appends `name` as a JSON string (RFC 8259, section 7).
    private static func appendQuoted(_ name: String, to bytes: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: Array("\\u00".utf8))
                bytes.append(hex[Int(byte >> 4)])
                bytes.append(hex[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
