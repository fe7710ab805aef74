import Failures

/// The start of a zstd frame, read before the library sees it so that its claims can be refused first.
///
/// RFC 8878, sections 3.1.1.1 (frame header) and 3.1.2 (skippable frame).
package enum ZstdFrameHeader: Equatable {
    /// `windowSize` bytes must be held to decode; `contentSize` may be left out by the writer, as may the checksum.
    case frame(windowSize: UInt64, contentSize: UInt64?, hasChecksum: Bool, dictionary: Bool)
    /// A frame of `length` bytes in all that carries no content.
    case skippable(length: Int)

    package static let magic: UInt32 = 0xFD2F_B528
    /// The longest header: magic, descriptor, window, 4 bytes of dictionary id, 8 bytes of content size.
    package static let longest = 18

    package enum Parsed: Equatable {
        case header(ZstdFrameHeader)
        /// A proper start, but cut off.
        case needsMore
        case notZstd
    }

    package static func isSkippable(_ magic: UInt32) -> Bool { magic & 0xFFFF_FFF0 == 0x184D_2A50 }

    /// Parses the header at the start of `bytes`.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        guard bytes.count >= 4 else {
            let known = [[UInt8]]([[0x28, 0xB5, 0x2F, 0xFD]]) + (0..<16).map { [0x50 + $0, 0x2A, 0x4D, 0x18] }
            return known.contains { $0.starts(with: bytes) } ? .needsMore : .notZstd
        }
        let first = UInt32(truncatingIfNeeded: littleEndian(bytes, 0, 4))
        if isSkippable(first) {
            guard bytes.count >= 8 else { return .needsMore }
            return .header(.skippable(length: 8 + Int(littleEndian(bytes, 4, 4))))
        }
        guard first == magic else { return .notZstd }
        guard bytes.count >= 5 else { return .needsMore }
        let descriptor = bytes[4]
        let singleSegment = descriptor & 0x20 != 0
        let idBytes = [0, 1, 2, 4][Int(descriptor & 3)]
        let sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
        let sizeAt = 5 + (singleSegment ? 0 : 1) + idBytes
        guard bytes.count >= sizeAt + sizeBytes else { return .needsMore }
        var contentSize: UInt64?
        if sizeBytes > 0 {
            contentSize = littleEndian(bytes, sizeAt, sizeBytes) + (sizeBytes == 2 ? 256 : 0)
        }
        let window =
            if singleSegment {
                contentSize ?? 0
            } else {
                windowSize(bytes[5])
            }
        return .header(
            .frame(
                windowSize: window, contentSize: contentSize, hasChecksum: descriptor & 4 != 0,
                dictionary: littleEndian(bytes, sizeAt - idBytes, idBytes) != 0))
    }

    /// Exponent and eighths: from 1 KB to 3.75 TB.
    private static func windowSize(_ descriptor: UInt8) -> UInt64 {
        let base = UInt64(1) << (10 + UInt64(descriptor >> 3))
        return base + base / 8 * UInt64(descriptor & 7)
    }

    private static func littleEndian(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
    }
}
