import Failures
import TensorFiles

/// A whole embedding set in memory: training support, validation, test and prompts.
public struct EmbeddingSet: Sendable {
    public var dimension: Int
    /// `[rows, dimension]`, row-major.
    public var embeddings: [Float]
    /// `[rows, dimension]` or nil.
    public var velocity: [Float]?
    public var ids: ItemIDs
    /// Index into `classes` per row, -1 = unlabelled.
    public var labels: [Int32]?
    public var classes: [String]?
    public var texts: [String]?
    public var encoder: String?
    public var normalized: Bool?
    public var producer: String?
    /// Filled by `read`.
    public var warnings: [String] = []
    public var sha256: String?

    public var rows: Int { dimension == 0 ? 0 : embeddings.count / dimension }

    public init(dimension: Int, embeddings: [Float], ids: ItemIDs? = nil) {
        self.dimension = dimension
        self.embeddings = embeddings
        self.ids = ids ?? .ordinal(count: dimension == 0 ? 0 : embeddings.count / dimension)
    }

    public static func read(path: String, limits: FileLimits = .commandLine) throws -> EmbeddingSet {
        throw Failure(.internal, "not built yet")
    }

    /// Writes an `embedding-set/1` file, compressed where the path ends in `.zst`, atomically.
    @discardableResult
    public func write(to path: String, elementType: ElementType = .float32) throws -> WrittenFile {
        throw Failure(.internal, "not built yet")
    }

    /// See `EmbeddingSetHeader.checkCompatible`.
    @discardableResult
    public func checkCompatible(dimension: Int, encoder: String?) throws -> String? {
        nil
    }
}
