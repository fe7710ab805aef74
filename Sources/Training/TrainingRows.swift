import EmbeddingSets
import Failures

/// Rows to train on or to judge by: embeddings with labels, whatever file they came from.
public struct TrainingRows: Sendable {
    /// `D`
    public var dimension: Int
    /// `[n, D]`, row-major, of any length but zero.
    public var embeddings: [Float]
    /// `[n]`, indices into `classes`; -1 = unlabelled, such rows are skipped.
    public var labels: [Int32]
    /// `[n, D]`, the initial velocity that replaces the model's own; nil for the model's.
    public var velocity: [Float]?
    public var classes: [String]
    public var encoder: String?
    /// SHA-256 of the file that the rows came from, for the manifest.
    public var sha256: String?

    public var rows: Int { labels.count }

    public init(
        dimension: Int, embeddings: [Float], labels: [Int32], classes: [String], velocity: [Float]? = nil,
        encoder: String? = nil, sha256: String? = nil
    ) {
        self.dimension = dimension
        self.embeddings = embeddings
        self.labels = labels
        self.classes = classes
        self.velocity = velocity
        self.encoder = encoder
        self.sha256 = sha256
    }

    /// The rows of an embedding set.
    ///
    /// - Parameter name: what to call the set in messages, such as its path.
    /// - Throws: `no_labels` if the set has no labels or does not name its classes.
    public init(_ set: EmbeddingSet, name: String) throws {
        guard let labels = set.labels, let classes = set.classes else {
            throw Failure(
                .noLabels,
                "\(name) has no \(set.labels == nil ? "labels" : "class names"): add the tensor labels (I32, one a row)"
                    + " and the metadata key classes (a JSON array of names).")
        }
        self.init(
            dimension: set.dimension, embeddings: set.embeddings, labels: labels, classes: classes,
            velocity: set.velocity, encoder: set.encoder, sha256: set.sha256)
    }

    /// The rows at `indices`, in that order.
    ///
    /// - Throws: `invalid_argument` if an index is out of range.
    public func selecting(_ indices: [Int]) throws -> TrainingRows {
        guard indices.allSatisfy({ $0 >= 0 && $0 < rows }) else {
            throw Failure(
                .invalidArgument, "a row number is out of range: the set has rows 0 to \(rows - 1).")
        }
        var copy = self
        copy.labels = indices.map { labels[$0] }
        copy.embeddings = gather(embeddings, indices)
        copy.velocity = velocity.map { gather($0, indices) }
        return copy
    }

    private func gather(_ values: [Float], _ indices: [Int]) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(indices.count * dimension)
        for row in indices { result.append(contentsOf: values[row * dimension..<(row + 1) * dimension]) }
        return result
    }
}
