import Dynamics
import EmbeddingSets
import Refinement

/// Rows and their ways through the equation, seen in the plane in which the features spread most.
public struct Projection: Sendable, Equatable {
    /// Shares of the features' variance along the two axes, 0 to 1.
    public var explained: [Double]
    /// Steps of the classical fourth-order method that the ways are drawn in, whatever the model's own are.
    public var steps: Int
    public var ways: [Way]

    /// The way of one row, `x(0)` first and `x(T)` last, in coordinates of the plane.
    public struct Way: Sendable, Equatable {
        public var points: [[Double]]
        /// The row's class.
        public var label: String
        /// Nil without prompts.
        public var zeroShotIsRight: Bool?
        public var modelIsRight: Bool
    }
}

extension Evaluator {
    /// Steps in which a way is drawn.
    private static let drawnSteps = 16
    /// Rows that the plane is laid through at most: more move it by less than can be seen.
    private static let planeRows = 2_000

    /// The ways of some of the labelled rows, spread evenly over them, in the plane of the first two principal components of
    /// the unit rows that the equation starts from; nil at order 0, where nothing moves, and without rows to show.
    ///
    /// - Parameters: as `diagnose`.
    /// - Throws: as `evaluate`.
    public func project(
        _ set: EmbeddingSet, model: Model<Float>, prompts: EmbeddingSet? = nil, most: Int = Self.followedRows
    ) throws -> Projection? {
        let d = refiner.configuration.dimension
        guard refiner.configuration.order > 0, d > 1 else { return nil }
        let (labels, map) = try Self.labels(of: set, in: refiner.classes, name: "the test set")
        var ignored: [String] = []
        let zeroShot = try prompts.map { try zeroShotAnswers(set, prompts: $0, warnings: &ignored) }
        let (columns, _) = refine(set)
        let kept = (0..<set.rows).filter { labels[$0] >= 0 && map(labels[$0]) >= 0 && columns.statuses[$0] == .ok }
        guard kept.count > 1 else { return nil }
        let spread = min(Self.planeRows, kept.count)
        let plane = PrincipalPlane(
            (0..<spread).flatMap { place in
                let row = kept[place * kept.count / spread]
                return Self.start(set.embeddings[row * d..<(row + 1) * d], mean: model.inputMean)
            }, dimension: d)
        let reference = try ReferenceRefiner(model: model)
        let count = min(most, kept.count)
        let ways = (0..<count).compactMap { place -> Projection.Way? in
            let row = kept[place * kept.count / count]
            let span = row * d..<(row + 1) * d
            let way = reference.trajectory(
                Array(set.embeddings[span]), velocity: set.velocity.map { Array($0[span]) }, steps: Self.drawnSteps)
            guard let way else { return nil }
            let label = map(labels[row])
            return Projection.Way(
                points: way.positions.map(plane.coordinates), label: refiner.classes[label],
                zeroShotIsRight: zeroShot.map { $0[row] == label },
                modelIsRight: Int(columns.topClasses[row * columns.topK]) == label)
        }
        return Projection(explained: plane.explained, steps: Self.drawnSteps, ways: ways)
    }
}
