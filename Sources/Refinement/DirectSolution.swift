import Dynamics

/// A model solved as its equation is written, in the space of the embeddings: the definition that the hidden-space form is
/// held against.
struct DirectSolution: Sendable {
    private let field: DirectField<Float>
    private let integrator: Integrator
    private let initialVelocity: InitialVelocity<Float>?
    private let mix: Float
    private let dimension: Int

    /// - Parameter model: a checked model of order 1 or 2.
    init(_ model: Model<Float>, integrator: Integrator) {
        self.integrator = integrator
        field = DirectField(model)
        let configuration = model.configuration
        initialVelocity =
            configuration.order == 2 ? model.velocity.map { InitialVelocity($0, configuration: configuration) } : nil
        mix = Float(configuration.mix)
        dimension = configuration.dimension
    }

    private var tile: Int { Tile<Float>.count(dimension) }
    private var vectors: Int { Tile<Float>.rows * dimension }
    private var scratchCount: Int {
        let rows = Tile<Float>.rows
        return max(
            initialVelocity?.scratchCount(rows: rows) ?? 0, integrator.workspaceCount(for: field, rows: rows))
    }

    var workspaceCount: Int { 3 * tile + 2 * vectors + scratchCount }

    /// As `Solution.solve`.
    func solve(rows: Int, velocity: UnsafePointer<Float>?, memory: UnsafeMutablePointer<Float>) -> Int {
        let position = mix == 1 ? memory : memory + 2 * tile
        let x = memory + 3 * tile
        let v = x + vectors
        let scratch = v + vectors
        for row in 0..<rows {
            Float.gather(memory + tile + row * Float.panel, times: 1, into: x + row * dimension, count: dimension)
        }
        if integrator.order == 2 {
            if let velocity {
                v.update(from: velocity, count: rows * dimension)
            } else if let initialVelocity {
                initialVelocity.evaluate(x, rows: rows, scratch: scratch, into: v)
            } else {
                v.update(repeating: 0, count: rows * dimension)
            }
        }
        integrator.integrate(
            field, position: x, velocity: integrator.order == 2 ? v : nil, rows: rows, workspace: scratch)
        for row in 0..<rows {
            Float.spread(x + row * dimension, times: 1, into: position + row * Float.panel, count: dimension)
        }
        guard mix != 1 else { return 0 }
        let (y, x0) = (memory, memory + tile)
        Float.combine(position, [-1], [UnsafePointer(x0)], into: y, count: tile)
        Float.combine(x0, [mix], [UnsafePointer(y)], into: y, count: tile)
        return 2 * tile
    }
}

extension DirectSolution {
    /// Floating-point operations a row, a multiply-add being two: the matrix products only; from the model's own initial
    /// velocity and from a supplied one.
    ///
    /// An evaluation multiplies with `Wx`, `Wv` where the velocity is read, and `W2`; the velocity network with `V1` and `V2`
    /// once.
    static func operations<S: KernelScalar>(
        _ model: Model<S>, integrator: Integrator
    ) -> (own: Int, supplied: Int) {
        let configuration = model.configuration
        let products = HiddenShape(model).readsVelocity ? 3 : 2
        let network = integrator.order == 2 ? model.velocity?.hidden ?? 0 : 0
        let solving = integrator.evaluations * products * 2 * configuration.dimension * configuration.hidden
        return (solving + 4 * configuration.dimension * network, solving)
    }
}
