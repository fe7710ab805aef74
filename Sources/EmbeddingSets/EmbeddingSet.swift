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
    /// How the file it was read from stores the embeddings.
    public var elementType: ElementType?
    /// SHA-256 of the file it was read from.
    public var sha256: String?

    public var rows: Int { dimension == 0 ? 0 : embeddings.count / dimension }

    public init(dimension: Int, embeddings: [Float], ids: ItemIDs? = nil) {
        self.dimension = dimension
        self.embeddings = embeddings
        self.ids = ids ?? .ordinal(count: dimension == 0 ? 0 : embeddings.count / dimension)
    }

    /// Reads a whole file; the same checks as `EmbeddingSetFile.stream`.
    ///
    /// - Parameter classes: names that the labels count into where the file does not give its own.
    public static func read(
        path: String, limits: FileLimits = .commandLine, classes: [String]? = nil
    ) throws -> EmbeddingSet {
        var embeddings: [Float] = []
        var velocity: [Float] = []
        let read = try EmbeddingSetFile.stream(
            path: path, limits: limits, chunkRows: 4_096, labels: true, classes: classes
        ) { chunk in
            if chunk.firstRow == 0 {
                embeddings.reserveCapacity(chunk.allRows * chunk.dimension)
                velocity.reserveCapacity(chunk.velocity == nil ? 0 : chunk.allRows * chunk.dimension)
            }
            embeddings.append(contentsOf: chunk.embeddings)
            if let values = chunk.velocity { velocity.append(contentsOf: values) }
        }
        let header = read.inspection.header
        var set = EmbeddingSet(dimension: header.dimension, embeddings: embeddings, ids: read.ids)
        set.velocity = header.hasVelocity ? velocity : nil
        set.labels = read.labels
        set.classes = header.classes
        set.texts = header.texts
        set.encoder = header.encoder
        set.normalized = header.normalized
        set.producer = header.producer
        set.warnings = header.warnings
        set.elementType = header.elementType
        set.sha256 = read.inspection.sha256
        return set
    }

    /// Writes an `embedding-set/1` file, compressed where the path ends in `.zst`, atomically.
    ///
    /// - Parameter elementType: of `embeddings` and `velocity`: F16, BF16 or F32.
    /// - Throws: `invalid_argument` where counts do not agree, or classes, labels or ids are not what a reader takes, before
    ///   anything is written; `no_space`, `io_error`.
    @discardableResult
    public func write(to path: String, elementType: ElementType = .float32) throws -> WrittenFile {
        try checkCounts()
        try checkContent()
        try checkRange(elementType)
        var writer = SafetensorsWriter(metadata: metadata.encoded)
        try writer.add("embeddings", shape: [rows, dimension], floats: embeddings, as: elementType)
        if let velocity {
            try writer.add("velocity", shape: [rows, dimension], floats: velocity, as: elementType)
        }
        if let labels { try writer.add("labels", shape: [rows], integers: labels, as: .int32) }
        switch ids {
        case .ordinal: break
        case .integers(let values): try writer.add("ids", shape: [rows], integers: values, as: .int64)
        case .utf8(let bytes, let offsets):
            try writer.add("ids_utf8", shape: [bytes.count], bytes: bytes, as: .uint8)
            try writer.add("ids_offsets", shape: [rows + 1], integers: offsets, as: .int64)
        }
        return try writer.write(to: path)
    }

    /// Gives the classes another order, or other classes beside them; labels go on meaning the same names.
    ///
    /// - Throws: `classes_mismatch`, naming a class that has rows and would be lost.
    public mutating func setClasses(_ names: [String]) throws {
        let places = Dictionary(names.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        if let classes, let labels {
            self.labels = try labels.map { label in
                guard label >= 0 else { return label }
                guard let place = places[classes[Int(label)]] else {
                    throw Failure(
                        .classesMismatch,
                        "the set has rows of class \"\(classes[Int(label)])\", which is not among the new classes: "
                            + "add it to them, or give the rows new labels.")
                }
                return place
            }
        }
        classes = names
    }

    /// Rows that no model can use: not finite, or without a direction. Cost: one pass over the embeddings.
    public var unusableRows: Int {
        (0..<rows).count { row in
            let values = embeddings[row * dimension..<(row + 1) * dimension]
            return !values.allSatisfy(\.isFinite) || values.allSatisfy { $0 == 0 }
        }
    }

    /// See `EmbeddingSetHeader.checkCompatible`.
    @discardableResult
    public func checkCompatible(dimension: Int, encoder: String?) throws -> String? {
        try Compatibility.check(set: (self.dimension, self.encoder), model: (dimension, encoder))
    }

    private var metadata: SetMetadata {
        SetMetadata(
            encoder: encoder, normalized: normalized, classes: classes, texts: texts, producer: producer)
    }

    private func checkRange(_ type: ElementType) throws {
        // The smallest float that float16 rounds to infinity.
        let limit: Float = 65_520
        guard type == .float16 else { return }
        for values in [embeddings, velocity ?? []] where values.contains(where: { $0.isFinite && abs($0) >= limit }) {
            throw Failure(.invalidArgument, "some numbers are too large for float16: store them as float32.")
        }
    }

    private func checkContent() throws {
        let rules = SetRules.given
        if let classes { try rules.checkClasses(classes) }
        for (row, label) in (labels ?? []).enumerated() {
            try rules.checkLabel(Int64(label), row: row, classes: classes?.count ?? 0)
        }
        if case .utf8(let bytes, let offsets) = ids { try rules.checkIDs(bytes: bytes, offsets: offsets) }
    }

    private func checkCounts() throws {
        let count = rows
        let agree =
            embeddings.count == count * dimension && ids.count == count && (labels.map { $0.count == count } ?? true)
            && (velocity.map { $0.count == embeddings.count } ?? true) && (texts.map { $0.count == count } ?? true)
        if !agree {
            throw Failure(.invalidArgument, "embeddings, ids, labels, velocity and texts differ in their rows.")
        }
        if labels != nil, classes == nil {
            throw Failure(.invalidArgument, "labels need class names to count into.")
        }
    }
}
