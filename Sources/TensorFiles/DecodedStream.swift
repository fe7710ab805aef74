import Crypto
import Failures

/// The content of a file, bare or zstd (decided by its first bytes), front to back, with the SHA-256 of the file's bytes.
///
/// Holds one input buffer and zstd's window, whatever the file's size. Every cap on compressed input is kept here, before
/// the bytes that break it are produced.
package final class DecodedStream {
    package let file: InputFile
    package let isCompressed: Bool
    /// Nil for a bare file; `absent` if any frame with content had none.
    package private(set) var checksum: FrameChecksum?
    package private(set) var decodedBytes = 0

    private let limits: FileLimits
    private let progress: () throws -> Void
    private let decoder: ZstdDecoder?
    private let buffer: UnsafeMutableRawBufferPointer
    private var pending: Range<Int> = 0..<0
    private var fileOffset = 0
    private var hasher = SHA256()
    private var position = Position.betweenFrames
    /// Bytes that the frame declared and that have not come yet; nil where it declared nothing.
    private var missing: Int?

    private enum Position {
        case betweenFrames
        case inFrame
        case skipping(Int)
    }

    /// - Parameter progress: called with every buffer that is read, and may throw to end the reading.
    package init(file: InputFile, limits: FileLimits, progress: @escaping () throws -> Void = {}) throws {
        self.file = file
        self.limits = limits
        self.progress = progress
        isCompressed = try Self.startsAsZstd(file)
        decoder = isCompressed ? try ZstdDecoder(windowLog: limits.windowLog) : nil
        buffer = .allocate(byteCount: isCompressed ? 256 << 10 : 0, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Fills `target`; fewer bytes only at the end of the content.
    package func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let decoder else { return try readBare(into: target) }
        var done = 0
        while done < target.count {
            switch position {
            case .betweenFrames:
                guard try startFrame(decoder) else { return done }
            case .skipping(let left):
                try skip(left)
            case .inFrame:
                done += try decode(decoder, into: UnsafeMutableRawBufferPointer(rebasing: target[done...]))
            }
        }
        return done
    }

    /// Requires that the content has ended and nothing but skippable frames follow; returns the hash of all file bytes.
    ///
    /// - Parameter excess: the code for content that goes on.
    package func finish(excess: FailureCode) throws -> String {
        let extra = try withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { try read(into: $0) }
        if extra > 0 {
            throw Failure(
                excess, "\(file.path) goes on behind the last tensor: write it again in one piece.")
        }
        return try hashToEnd()
    }

    /// The hash of all file bytes, without decoding those that are left.
    package func hashToEnd() throws -> String {
        try withUnsafeTemporaryAllocation(byteCount: 128 << 10, alignment: 64) { scratch in
            while try readFile(into: scratch) > 0 {}
        }
        if try file.hasChanged() {
            throw Failure(
                .incomplete, "\(file.path) changed while it was read: wait until its producer has finished.")
        }
        return hasher.finalize().hex
    }

    // MARK: Bare

    private func readBare(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try readFile(into: target)
        decodedBytes += count
        try checkDecodedBytes()
        return count
    }

    /// The next bytes of the file as it was when opened, hashed.
    private func readFile(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = min(target.count, file.size - fileOffset)
        guard wanted > 0 else { return 0 }
        try progress()
        let part = UnsafeMutableRawBufferPointer(rebasing: target[..<wanted])
        let count = try file.read(into: part, at: fileOffset)
        hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: part[..<count]))
        fileOffset += count
        return count
    }

    // MARK: Compressed

    private static func startsAsZstd(_ file: InputFile) throws -> Bool {
        try withUnsafeTemporaryAllocation(byteCount: 4, alignment: 8) { bytes in
            guard try file.read(into: bytes, at: 0) == 4 else { return false }
            let magic = UInt32(littleEndian: bytes.load(as: UInt32.self))
            return magic == ZstdFrameHeader.magic || ZstdFrameHeader.isSkippable(magic)
        }
    }

    /// Moves what is pending to the front and reads more behind it; false at the end of the file.
    private func refill() throws -> Bool {
        let kept = pending.count
        if kept > 0, pending.lowerBound > 0, let base = buffer.baseAddress {
            base.copyMemory(from: base + pending.lowerBound, byteCount: kept)
        }
        let count = try readFile(into: UnsafeMutableRawBufferPointer(rebasing: buffer[kept...]))
        pending = 0..<kept + count
        return count > 0
    }

    /// Reads the next frame's header and refuses what it may not ask for; false at the end of the file.
    private func startFrame(_ decoder: ZstdDecoder) throws -> Bool {
        while true {
            if pending.isEmpty, try !refill() { return false }
            switch ZstdFrameHeader.parse(UnsafeRawBufferPointer(rebasing: buffer[pending])) {
            case .needsMore:
                guard try refill() else { throw incomplete() }
            case .notZstd:
                throw Failure(
                    .corruptZstd, "\(file.path) has bytes behind a zstd frame that are no frame: compress it again.")
            case .header(.skippable(let length)):
                position = .skipping(length)
                return true
            case .header(.frame(let windowSize, let contentSize, let hasChecksum, let dictionary)):
                try check(windowSize: windowSize, contentSize: contentSize, dictionary: dictionary)
                if contentSize != 0 {
                    checksum = hasChecksum && checksum != .absent ? .verified : .absent
                }
                decoder.startFrame()
                missing = contentSize.map { Int($0) }
                position = .inFrame
                return true
            }
        }
    }

    private func check(windowSize: UInt64, contentSize: UInt64?, dictionary: Bool) throws {
        if dictionary {
            throw Failure(.unsupportedFormat, "\(file.path) needs a zstd dictionary: compress it without one.")
        }
        if windowSize > UInt64(1) << UInt64(limits.windowLog) {
            throw Failure(
                .tooLarge,
                "\(file.path) asks for a zstd window of \(windowSize) bytes, the limit is \(1 << limits.windowLog): "
                    + "compress it without --long or --ultra.")
        }
        guard let contentSize else { return }
        if contentSize > UInt64(max(0, limits.decodedBytes - decodedBytes)) {
            throw Failure(
                .tooLarge,
                "\(file.path) declares \(contentSize) decompressed bytes, the limit is \(limits.decodedBytes): "
                    + "split it or raise limits.batch_bytes.")
        }
        try checkRatio(decodedBytes + Int(contentSize), file.size)
    }

    private func decode(_ decoder: ZstdDecoder, into target: UnsafeMutableRawBufferPointer) throws -> Int {
        let atEnd = try pending.isEmpty && !refill()
        let step = try decoder.decode(from: UnsafeRawBufferPointer(rebasing: buffer[pending]), into: target)
        // The decoder may still hold output for input it took before; only when that has run out is something missing.
        if atEnd, step.produced == 0, !step.frameEnded { throw incomplete() }
        pending = pending.lowerBound + step.consumed..<pending.upperBound
        decodedBytes += step.produced
        try checkDecodedBytes()
        try checkRatio(decodedBytes, fileOffset - pending.count)
        missing = missing.map { $0 - step.produced }
        if step.frameEnded {
            // The library looks at the declared size in most ways to the end of a frame, but not behind an empty last block.
            guard missing ?? 0 == 0 else {
                throw Failure(
                    .corruptZstd, "\(file.path) has a zstd frame that is not as long as it says: compress it again.")
            }
            position = .betweenFrames
        }
        return step.produced
    }

    private func skip(_ left: Int) throws {
        if pending.isEmpty, try !refill() { throw incomplete() }
        let count = min(left, pending.count)
        pending = pending.lowerBound + count..<pending.upperBound
        position = count == left ? .betweenFrames : .skipping(left - count)
    }

    private func checkDecodedBytes() throws {
        if decodedBytes > limits.decodedBytes {
            throw Failure(
                .tooLarge,
                "\(file.path) decompresses to more than \(limits.decodedBytes) bytes: "
                    + "split it or raise limits.batch_bytes.")
        }
    }

    func checkRatio(_ decoded: Int, _ compressed: Int) throws {
        if decoded > limits.ratioFloor, decoded / limits.ratio > compressed {
            throw Failure(
                .tooLarge,
                "\(file.path) decompresses more than \(limits.ratio)-fold, which no embeddings do: send it uncompressed."
            )
        }
    }

    private func incomplete() -> Failure {
        Failure(
            .incomplete,
            "\(file.path) ends within a zstd frame (\(file.size) bytes so far): wait for its producer, or send it again."
        )
    }
}

/// Whether the frames of a compressed file carried a checksum; where they did it was verified.
public enum FrameChecksum: String, Sendable, Codable {
    case verified
    case absent
}
