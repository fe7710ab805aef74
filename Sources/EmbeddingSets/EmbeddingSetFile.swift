import Failures
import TensorFiles

/// Whether the frames of a compressed file carried a checksum; where they did it was verified.
public enum FrameChecksum: String, Sendable, Codable {
    case verified
    case absent
}

/// What a pass over an embedding-set file found.
public struct EmbeddingSetInspection: Sendable {
    public let header: EmbeddingSetHeader
    /// SHA-256 of the file's bytes, 64 lower-case hex digits.
    public let sha256: String
    public let fileBytes: Int
    /// Bytes after decompression; `fileBytes` for a bare file.
    public let decodedBytes: Int
    /// Nil for a bare file.
    public let checksum: FrameChecksum?
}

/// Consecutive rows of a set as Float. The buffers are reused: they hold only until the body returns.
public struct EmbeddingChunk {
    public let firstRow: Int
    public let rows: Int
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

/// Reads embedding-set files in two passes with bounded memory.
public enum EmbeddingSetFile {
    /// First pass: reads, hashes and validates the whole file (all but finiteness) without keeping it.
    public static func inspect(path: String, limits: FileLimits = FileLimits()) throws -> EmbeddingSetInspection {
        throw Failure(.internal, "not built yet")
    }

    /// Second pass: the same checks and hash again, and the rows in chunks.
    ///
    /// - Parameters:
    ///   - chunkRows: rows per chunk; the last one may be shorter.
    ///   - labels: whether to collect the labels (4 bytes a row).
    ///   - body: may throw to stop early.
    public static func stream(
        path: String, limits: FileLimits = FileLimits(), chunkRows: Int = 4_096, labels: Bool = false,
        body: (EmbeddingChunk) throws -> Void
    ) throws -> EmbeddingSetRead {
        throw Failure(.internal, "not built yet")
    }
}
