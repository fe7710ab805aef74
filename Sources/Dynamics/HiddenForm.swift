/// A second-order neural ODE `x'' = W2 act(Wx x + Wv x' + wt t + b1) + b2 - γ x'` solved in the space of its hidden layer,
/// with the same stages as `Integrator` gives for the field itself, up to rounding (see `HiddenPlan` for the equations).
///
/// Works on tiles: `[rows, D]` and `[rows, H]` in panels, all in one memory that a worker reuses.
public struct HiddenForm<S: KernelScalar>: Sendable {
    /// Where the unit vectors `x0`, `[rows, D]`, are put before.
    public var origin: Int { plan.map.origin }
    /// Where a supplied `v0`, `[rows, D]`, is put before; only for that start.
    public var velocity: Int { plan.map.start }
    /// Where `x(T)`, `[rows, D]`, stands afterwards.
    public var position: Int { plan.map.position }
    /// Where `x0 + m (x(T) - x0)`, `[rows, D]`, stands afterwards: at the beginning, just before `origin`.
    public var mixed: Int { plan.map.mixed }
    /// How many numbers of memory `solve` needs.
    public var workspaceCount: Int { plan.map.count }
    /// Floating-point operations a row, a multiply-add being two: the matrix products only, without padding.
    public var operations: Int { plan.operations }

    private let plan: HiddenPlan
    private let layers: [TileLayer<S>]

    /// - Parameters:
    ///   - network: the network of `shape.start`, if that is one.
    ///   - activation: of field and network.
    public init(
        field: FieldWeights<S>, network: VelocityNetwork<S>? = nil, activation: Activation, shape: HiddenShape,
        method: Method, grid: TimeGrid
    ) {
        self.init(
            field: field, network: network, activation: activation, shape: shape, method: method, grid: grid,
            products: HiddenProducts(field, shape: shape))
    }

    private init(
        field: FieldWeights<S>, network: VelocityNetwork<S>?, activation: Activation, shape: HiddenShape,
        method: Method, grid: TimeGrid, products: HiddenProducts
    ) {
        plan = HiddenPlan(shape, method: method, grid: grid, of: S.self)
        let weights = HiddenWeights(
            field: field, network: shape.networkWidth > 0 ? network : nil, shape: shape, products: products)
        layers = plan.layers.map { weights.layer($0, activation: activation) }
    }

    /// The same field from the start of `shape` and from a supplied velocity; what both need is computed once.
    public static func pair(
        field: FieldWeights<S>, network: VelocityNetwork<S>?, activation: Activation, shape: HiddenShape,
        method: Method, grid: TimeGrid
    ) -> (own: HiddenForm, supplied: HiddenForm) {
        let products = HiddenProducts(field, shape: shape)
        func form(_ shape: HiddenShape) -> HiddenForm {
            HiddenForm(
                field: field, network: network, activation: activation, shape: shape, method: method, grid: grid,
                products: products)
        }
        var other = shape
        other.start = .supplied
        return (form(shape), form(other))
    }

    /// Floating-point operations a row of the form that `init` would make, without making it.
    public static func operations(_ shape: HiddenShape, method: Method, grid: TimeGrid) -> Int {
        HiddenPlan(shape, method: method, grid: grid, of: S.self).operations
    }

    /// Multiplications in double precision that making the form takes, once.
    public static func preparation(_ shape: HiddenShape) -> Double { HiddenProducts.multiplications(shape) }

    /// Solves for the first `rows` rows.
    ///
    /// - Parameter memory: `workspaceCount` numbers, `x0` in its place.
    public func solve(rows: Int, memory: UnsafeMutablePointer<S>) {
        for layer in layers { layer.compute(rows: rows, memory: memory) }
    }
}
