import Dynamics

/// A model solved in hidden space, from its own initial velocity or from one that comes with the rows.
struct HiddenSolution: Sendable {
    private let own: HiddenForm<Float>
    private let supplied: HiddenForm<Float>?
    private let dimension: Int

    /// - Parameter model: a checked model of order 1 or 2.
    init(_ model: Model<Float>, method: Method, grid: TimeGrid) {
        let shape = HiddenShape(model)
        dimension = shape.dimension
        let activation = model.configuration.activation
        guard shape.order == 2 else {
            own = HiddenForm(
                field: model.field, activation: activation, shape: shape, method: method, grid: grid)
            supplied = nil
            return
        }
        (own, supplied) = HiddenForm.pair(
            field: model.field, network: model.velocity, activation: activation, shape: shape, method: method,
            grid: grid)
    }

    var workspaceCount: Int { max(own.workspaceCount, supplied?.workspaceCount ?? 0) }

    /// As `Solution.solve`.
    func solve(rows: Int, velocity: UnsafePointer<Float>?, memory: UnsafeMutablePointer<Float>) -> Int {
        guard let velocity, let supplied else {
            own.solve(rows: rows, memory: memory)
            return own.position
        }
        for row in 0..<rows {
            Float.spread(
                velocity + row * dimension, times: 1, into: memory + supplied.velocity + row * Float.panel,
                count: dimension)
        }
        supplied.solve(rows: rows, memory: memory)
        return supplied.position
    }
}

extension HiddenShape {
    /// - Parameter model: a checked model of order 1 or 2.
    init<S: KernelScalar>(_ model: Model<S>) {
        let configuration = model.configuration
        self.init(
            order: configuration.order, dimension: configuration.dimension, hidden: configuration.hidden,
            start: model.velocity.map { .network(width: $0.hidden) } ?? .zero,
            readsVelocity: model.field.velocityWeight.contains { $0 != 0 }, damping: Double(model.field.damping),
            mix: configuration.mix)
    }
}
