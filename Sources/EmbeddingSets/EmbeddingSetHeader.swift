import Failures
import TensorFiles

/// What an embedding set says about itself.
public struct EmbeddingSetHeader: Sendable, Hashable, Codable {
    public var rows: Int
    public var dimension: Int
    public var elementType: ElementType
    public var idKind: ItemIDs.Kind = .ordinal
    public var hasLabels = false
    public var hasVelocity = false
    /// `embedding-set/1`; empty for a bare npy.
    public var schema = ""
    public var encoder: String?
    public var normalized: Bool?
    public var classes: [String]?
    public var texts: [String]?
    public var producer: String?
    /// Things that were accepted but that the sender should know.
    public var warnings: [String] = []

    public init(rows: Int, dimension: Int, elementType: ElementType) {
        self.rows = rows
        self.dimension = dimension
        self.elementType = elementType
    }

    /// Refuses a set that a model cannot read.
    ///
    /// - Returns: a warning where the set does not name its encoder but the model does.
    /// - Throws: `dimension_mismatch` or `encoder_mismatch`, naming both sides.
    @discardableResult
    public func checkCompatible(dimension: Int, encoder: String?) throws -> String? {
        try Compatibility.check(
            set: (self.dimension, self.encoder), model: (dimension, encoder))
    }
}

/// Whether a model can read a set.
enum Compatibility {
    static func check(
        set: (dimension: Int, encoder: String?), model: (dimension: Int, encoder: String?)
    ) throws -> String? {
        if set.dimension != model.dimension {
            throw Failure(
                .dimensionMismatch,
                "the set has \(set.dimension) columns, the model was trained on \(model.dimension): "
                    + "embed with the model's encoder\(model.encoder.map { " (\(ForeignText.quoted($0)))" } ?? ""), or use another model."
            )
        }
        guard let expected = model.encoder else { return nil }
        guard let encoder = set.encoder else {
            return "the set does not name its encoder, the model was trained on \(ForeignText.quoted(expected)): "
                + "put it into the metadata key `encoder`."
        }
        if encoder != expected {
            throw Failure(
                .encoderMismatch,
                "the set comes from encoder \(ForeignText.quoted(encoder)), the model was trained on \(ForeignText.quoted(expected)): "
                    + "embed with the model's encoder, or use another model.")
        }
        return nil
    }
}
