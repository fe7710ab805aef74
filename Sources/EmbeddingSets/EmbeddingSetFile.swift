import Failures
import TensorFiles

/// What a pass over an embedding-set file found.
public struct EmbeddingSetInspection: Sendable, Codable {
    public let header: EmbeddingSetHeader
    /// SHA-256 of the file's bytes, 64 lower-case hex digits.
    public let sha256: String
    public let fileBytes: Int
    /// Bytes after decompression; `fileBytes` for a bare file.
    public let decodedBytes: Int
    /// Nil for a bare file.
    public let checksum: FrameChecksum?
    /// Rows of each status, where the set is what `sono refine` wrote.
    public let statuses: [UInt8: Int]?
}

/// Consecutive rows of a set as Float. The buffers are reused: they hold only until the body returns.
public struct EmbeddingChunk {
    public let firstRow: Int
    public let rows: Int
    /// Rows of the whole set.
    public let allRows: Int
    public let dimension: Int
    /// `[rows, dimension]`, row-major.
    public let embeddings: UnsafeBufferPointer<Float>
    /// `[rows, dimension]` where the set carries its own initial velocity.
    public let velocity: UnsafeBufferPointer<Float>?
}

/// What the second pass returns besides the chunks.
public struct EmbeddingSetRead: Sendable {
    public let inspection: EmbeddingSetInspection
    public let ids: ItemIDs
    /// Only where asked for and present.
    public let labels: [Int32]?
}

/// Reads embedding-set files in two passes with bounded memory: a few MB of buffers, zstd's window, and the ids.
public enum EmbeddingSetFile {
    /// First pass: reads, hashes and validates the whole file (all but finiteness) without keeping it.
    ///
    /// - Parameters:
    ///   - name: what messages call the file, if not by its path.
    ///   - progress: called with every buffer that is read, and may throw to end the pass.
    /// - Throws: `incomplete` (the file may still grow), `unreadable`, `not_found`, `corrupt_zstd`,
    ///   `corrupt_safetensors`, `corrupt_npy`, `unsupported_format`, `too_large`, `no_rows`, `io_error`.
    public static func inspect(
        path: String, name: String? = nil, limits: FileLimits = FileLimits(),
        progress: @escaping () throws -> Void = {}
    ) throws -> EmbeddingSetInspection {
        let reader = try TensorReader(path: path, name: name, limits: limits, progress: progress)
        var pass = SetPass(reader, try SetLayout(reader.header, path: reader.file.path, limits: limits), keep: .init())
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { scratch.deallocate() }
        let bytes = pass.layout.embeddings.span.count
        return try pass.run { try $0.skip(bytes, using: scratch) }.inspection
    }

    /// Second pass: the same checks and the hash again, and the rows in chunks.
    ///
    /// The returned hash is that of the very bytes decoded: the caller compares it with the first pass's. A supplied
    /// velocity is read by a second decoder over the same open file, whose hash must agree.
    ///
    /// - Parameters:
    ///   - name: what messages call the file, if not by its path.
    ///   - chunkRows: most rows per chunk; fewer where rows are so long that a chunk would pass 32 MB of Float.
    ///   - labels: whether to collect the labels (4 bytes a row).
    ///   - progress: called with every buffer that is read, and may throw to end the pass.
    ///   - check: sees the header before the first chunk, and may throw to refuse the set.
    ///   - body: may throw to stop early.
    /// - Throws: as `inspect`, and what `progress`, `check` and `body` throw.
    public static func stream(
        path: String, name: String? = nil, limits: FileLimits = FileLimits(), chunkRows: Int = 4_096,
        labels: Bool = false, progress: @escaping () throws -> Void = {},
        check: (EmbeddingSetHeader) throws -> Void = { _ in },
        body: (EmbeddingChunk) throws -> Void
    ) throws -> EmbeddingSetRead {
        try stream(
            path: path, name: name, limits: limits, chunkRows: chunkRows, labels: labels, classes: nil,
            progress: progress, check: check, body: body)
    }

    static func stream(
        path: String, name: String? = nil, limits: FileLimits, chunkRows: Int, labels: Bool, classes: [String]?,
        progress: @escaping () throws -> Void = {}, check: (EmbeddingSetHeader) throws -> Void = { _ in },
        body: (EmbeddingChunk) throws -> Void
    ) throws -> EmbeddingSetRead {
        let reader = try TensorReader(path: path, name: name, limits: limits, progress: progress)
        let layout = try SetLayout(reader.header, path: reader.file.path, limits: limits, classes: classes)
        try check(layout.header)
        let (rows, dimension) = (layout.header.rows, layout.header.dimension)
        let chunkRows = max(1, min(chunkRows, rows, (32 << 20) / (4 * dimension)))
        let velocity = try layout.velocity.map {
            try VelocityReader(beside: reader, $0, limits: limits, chunkRows: chunkRows, progress: progress)
        }
        var pass = SetPass(reader, layout, keep: .init(integerIDs: true, labels: labels))
        let read = try pass.run { reader in
            let embeddings = RowReader(reader, layout.embeddings, chunkRows: chunkRows)
            for first in stride(from: 0, to: rows, by: chunkRows) {
                let count = min(chunkRows, rows - first)
                try body(
                    EmbeddingChunk(
                        firstRow: first, rows: count, allRows: rows, dimension: dimension,
                        embeddings: try embeddings.read(rows: count), velocity: try velocity?.rows.read(rows: count)))
            }
        }
        try velocity?.finish(expecting: read.inspection.sha256)
        return read
    }
}

/// The rows of `velocity`, decoded a second time from the front of the same open file.
private struct VelocityReader {
    let rows: RowReader
    private let reader: TensorReader

    init(
        beside first: TensorReader, _ entry: TensorEntry, limits: FileLimits, chunkRows: Int,
        progress: @escaping () throws -> Void
    ) throws {
        reader = try TensorReader(file: first.file, limits: limits, progress: progress)
        guard reader.header.entries == first.header.entries else { throw Self.changed(first.file.path) }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { scratch.deallocate() }
        try reader.skip(entry.span.lowerBound, using: scratch)
        rows = RowReader(reader, entry, chunkRows: chunkRows)
    }

    func finish(expecting sha256: String) throws {
        if try reader.hashToEnd() != sha256 { throw Self.changed(reader.file.path) }
    }

    private static func changed(_ path: String) -> Failure {
        Failure(.incomplete, "\(path) changed while it was read: wait until its producer has finished.")
    }
}
