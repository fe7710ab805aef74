import Dynamics

/// A model solved in double precision to a tolerance by dopri5, the direct form: what a `Refiner`'s answers are held
/// against. Thousands of times slower than a `Refiner`; for audits, never to serve.
public struct ReferenceRefiner: Sendable {
    private let model: Model<Double>
    private let method: DormandPrince
    private let field: DirectField<Double>?
    private let initialVelocity: InitialVelocity<Double>?
    private let classifier: Classifier<Double>

    /// - Throws: `model_invalid` if the model's parts do not fit each other.
    public init(model: Model<Float>, tolerance: Double = 1e-10) throws {
        try model.check()
        let model = Model<Double>(model)
        self.model = model
        method = DormandPrince(tolerance: tolerance)
        let order = model.configuration.order
        field = order > 0 ? DirectField(model) : nil
        initialVelocity =
            order == 2 ? model.velocity.map { InitialVelocity($0, configuration: model.configuration) } : nil
        classifier = Classifier(model, logits: 2 * Tile<Double>.count(model.configuration.dimension))
    }

    /// What the equations say of one row.
    public struct Answer: Sendable {
        /// The refined unit vector `y`, `[D]`.
        public var refined: [Double]
        /// Before the temperature, `[C]`.
        public var logits: [Double]
        /// Evaluations of `S` that the tolerance took.
        public var evaluations: Int
    }

    /// - Parameters:
    ///   - embedding: `[D]`, finite and not zero.
    ///   - velocity: `[D]`, instead of the model's own initial velocity; read at order 2 only.
    /// - Returns: nil if the solution runs away.
    public func refine(_ embedding: [Float], velocity: [Float]? = nil) -> Answer? {
        let (x0, v0) = initialValues(embedding, velocity: velocity)
        var end = x0
        var evaluations = 0
        if let field {
            guard
                let solution = method.solve(
                    field, position: x0, velocity: v0, horizon: model.configuration.horizon)
            else { return nil }
            end = solution.position
            evaluations = solution.evaluations
        }
        let mix = model.configuration.mix
        let y = Self.unit(zip(x0, end).map { $0 + mix * ($1 - $0) })
        guard y.allSatisfy(\.isFinite) else { return nil }
        return Answer(refined: y, logits: logits(y, x0), evaluations: evaluations)
    }

    /// The row's way in `steps` equal steps, for diagnostics; nil if it runs away, or at order 0, where nothing moves.
    ///
    /// - Parameters: as `refine`; `steps` is even.
    public func trajectory(_ embedding: [Float], velocity: [Float]? = nil, steps: Int) -> Trajectory? {
        guard let field else { return nil }
        let (x0, v0) = initialValues(embedding, velocity: velocity)
        return Trajectory(field, position: x0, velocity: v0, horizon: model.configuration.horizon, steps: steps)
    }

    /// The largest spectral radius of the field's Jacobian at the beginning, the middle and the end of a trajectory.
    public func spectralRadius(along trajectory: Trajectory) -> Double {
        guard let field else { return 0 }
        let last = trajectory.positions.count - 1
        return [0, last / 2, last].reduce(0) { largest, node in
            max(
                largest,
                SpectralRadius.estimate(
                    field, time: Double(node) * trajectory.step, position: trajectory.positions[node],
                    velocity: field.order == 2 ? trajectory.velocities[node] : []))
        }
    }

    /// `x(0)`, `[D]`, and `x'(0)`, `[D]`, which is empty below order 2.
    private func initialValues(_ embedding: [Float], velocity: [Float]?) -> (position: [Double], velocity: [Double]) {
        let d = model.configuration.dimension
        precondition(embedding.count == d && velocity.map { $0.count == d } ?? true, "one row")
        var x0 = embedding.map(Double.init)
        if let mean = model.inputMean { for i in x0.indices { x0[i] -= mean[i] } }
        x0 = Self.unit(x0)
        return (x0, field?.order == 2 ? velocity.map { $0.map(Double.init) } ?? start(x0) : [])
    }

    private func start(_ x0: [Double]) -> [Double] {
        var v0 = [Double](repeating: 0, count: x0.count)
        guard let initialVelocity else { return v0 }
        let scratch = Workspace<Double>(count: initialVelocity.scratchCount(rows: 1))
        x0.withUnsafeBufferPointer { x0 in
            v0.withUnsafeMutableBufferPointer { v0 in
                guard let x0 = x0.baseAddress, let v0 = v0.baseAddress else { return }
                initialVelocity.evaluate(x0, rows: 1, scratch: scratch.base, into: v0)
            }
        }
        return v0
    }

    private func logits(_ y: [Double], _ x0: [Double]) -> [Double] {
        let workspace = Workspace<Double>(count: classifier.workspaceCount)
        Double.spread(y, times: 1, into: workspace.base, count: y.count)
        Double.spread(x0, times: 1, into: workspace.base + Tile<Double>.count(y.count), count: y.count)
        classifier.evaluate(rows: 1, memory: workspace.base)
        var logits = [Double](repeating: 0, count: model.classes.count)
        Double.gather(workspace.base + classifier.logits, times: 1, into: &logits, count: logits.count)
        return logits
    }

    private static func unit(_ x: [Double]) -> [Double] {
        let norm = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return x.map { $0 / norm }
    }
}
