/// A zstd frame put together by hand (RFC 8878, section 3.1.1), so that it can lie.
public enum RawFrame {
    public enum Block: Sendable {
        case raw([UInt8])
        /// One byte, repeated: 4 bytes stand for up to 128 KiB.
        case run(UInt8, count: Int)
    }

    /// - Parameters:
    ///   - window: the window descriptor; 0x58 is 2 MB, 0xFF is 3.75 TB.
    ///   - contentSize: declared, in 8 bytes.
    public static func frame(_ blocks: [Block], window: UInt8 = 0x58, contentSize: UInt64? = nil) -> [UInt8] {
        var bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, contentSize == nil ? 0 : 0xC0, window]
        if let contentSize { bytes += (0..<8).map { UInt8(truncatingIfNeeded: contentSize >> (8 * $0)) } }
        for (index, block) in blocks.enumerated() {
            let last = index == blocks.count - 1 ? 1 : 0
            switch block {
            case .raw(let content): bytes += header(content.count << 3 | last) + content
            case .run(let byte, let count): bytes += header(count << 3 | 2 | last) + [byte]
            }
        }
        return bytes
    }

    private static func header(_ value: Int) -> [UInt8] {
        (0..<3).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}

/// A safetensors file with any header one likes.
public func safetensors(_ json: String, payload: Int = 0, fill: UInt8 = 0) -> [UInt8] {
    let text = Array(json.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
        + [UInt8](repeating: fill, count: payload)
}
