import Dynamics
import EmbeddingSets
import Refinement

/// Rows to measure with.
public struct Workload: Sendable {
    public let rows: Int
    package let embeddings: [Float]
    let velocity: [Float]?

    /// Random unit vectors.
    ///
    /// - Parameter suppliesVelocity: whether each row brings an initial velocity, a tenth of its own length.
    public init(rows: Int, dimension: Int, suppliesVelocity: Bool) {
        var numbers = SplitMix64(seed: 1)
        let gain = 1 / Double(dimension).squareRoot()
        self.rows = rows
        embeddings = numbers.floats(rows * dimension, gain: gain)
        velocity = suppliesVelocity ? numbers.floats(rows * dimension, gain: 0.1 * gain) : nil
    }

    /// The rows of a set, with its velocity if it has one.
    public init(_ set: EmbeddingSet) {
        rows = set.rows
        embeddings = set.embeddings
        velocity = set.velocity
    }

    /// Whether each row brings its initial velocity.
    public var suppliesVelocity: Bool { velocity != nil }

    /// `x(T)` of all rows, `[rows, D]`.
    public func positions(_ refiner: Refiner, threads: Int? = nil) -> [Float] {
        var positions = [Float](repeating: 0, count: embeddings.count)
        positions.withUnsafeMutableBufferPointer { positions in
            withRows(rows) { embeddings, velocity in
                refiner.positions(
                    embeddings: embeddings, velocity: velocity, rows: rows, threads: threads, into: positions)
            }
        }
        return positions
    }

    /// The first `count` rows.
    func withRows(_ count: Int, _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>?) -> Void) {
        let numbers = embeddings.count / max(1, rows) * count
        embeddings.withUnsafeBufferPointer { embeddings in
            let part = UnsafeBufferPointer(rebasing: embeddings[..<numbers])
            guard let velocity else { return body(part, nil) }
            velocity.withUnsafeBufferPointer { body(part, UnsafeBufferPointer(rebasing: $0[..<numbers])) }
        }
    }
}

extension Model<Float> {
    /// A model with random weights, which costs what a trained one of its shape costs.
    ///
    /// The gains make preactivations of about 1.5 and let `x(T)` move about as far as the unit vector it started from.
    public static func synthetic(_ configuration: ModelConfiguration, classes: Int) -> Model {
        let (d, h) = (configuration.dimension, configuration.hidden)
        var numbers = SplitMix64(seed: 2)
        var model = Model(
            configuration: configuration, classes: (0..<classes).map { "class \($0)" },
            classifierWeight: numbers.floats(classes * d))
        guard configuration.order > 0 else { return model }
        model.field.positionWeight = numbers.floats(h * d, gain: 1.5)
        model.field.timeWeight = numbers.floats(h)
        model.field.bias = numbers.floats(h, gain: 0.5)
        model.field.outputWeight = numbers.floats(d * h, gain: 3 / Double(d * h).squareRoot())
        model.field.outputBias = numbers.floats(d, gain: 0.1 / Double(d).squareRoot())
        guard configuration.order == 2 else { return model }
        model.field.velocityWeight =
            configuration.solver.isNystrom
            ? [Float](repeating: 0, count: h * d) : numbers.floats(h * d, gain: 1.5)
        return model
    }
}

extension SplitMix64 {
    fileprivate mutating func floats(_ count: Int, gain: Double = 1) -> [Float] {
        (0..<count).map { _ in Float(gain * gaussian()) }
    }
}
