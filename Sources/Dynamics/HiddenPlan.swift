/// The hidden-space form of a scheme, layer by layer, before any weights: which products there are, of what, and which
/// combinations follow them.
///
/// `S` is affine outside its activation, so every stage of an explicit method is `x0`, `v0`, `b2` and `W2` times an
/// H-vector. With `F = Wx W2`, `G = Wv W2`, `f = Wx b2` and `g2 = Wv b2` the same scheme applied to
///
///     β' = α      α' = s      s = act(Wx x0 + ν Wx v0 + μ Wv v0 + F β + G α + b1 + ξ f + η g2 + wt t) - γ α
///     x = x0 + ν v0 + W2 β + ξ b2
///
/// gives the same stages as the field itself, in products of width H instead of D. At order 1
/// `β' = act(Wx x0 + F β + b1 + ξ f + wt t)`. A Nyström method has the damping in its coefficients, and `- γ α` is gone.
/// Products with what is known to be zero are left out.
struct HiddenPlan {
    /// A product, by what is multiplied.
    enum Product: Equatable {
        /// No product.
        case none
        /// `V1 x0`
        case network
        /// `V2` times the network's hidden layer.
        case networkOutput
        /// `Wx x0`, and `Wv v0` where it is read with a factor of one throughout.
        case origin(withVelocity: Bool)
        /// `Wx v0`
        case drift
        /// `Wv v0`
        case push
        /// `F β`, `G α`, or both
        case stage(position: Bool, velocity: Bool)
        /// `W2 β`, and `ν V2` times the network's hidden layer where that is folded in.
        case output(nu: Double)
    }

    /// A constant row, by what it consists of.
    enum Row {
        case none
        case networkBias
        case networkOutputBias
        case stage(AffineCoordinates, time: Double)
        case output(AffineCoordinates)
    }

    struct Layer {
        var product = Product.none
        var input = 0
        /// True widths, without padding.
        var inputs = 0
        var outputs: Int
        var output: Int
        var row = Row.none
        var activates = false
        var before: [(tile: Int, factor: Double)] = []
        var after: [(tile: Int, factor: Double)] = []
        var updates: [(target: Int, factor: Double, terms: [(tile: Int, factor: Double)])] = []
    }

    /// Where tiles begin in the worker's memory. What is multiplied side by side stands side by side.
    struct Map {
        /// `y`, `[rows, D]`
        let mixed = 0
        /// `x0`, `[rows, D]`
        let origin: Int
        /// `v0`, `[rows, D]`, or the network's hidden layer.
        let start: Int
        /// `[β | α]`, three times: the state, a stage, and the next.
        let states: Int
        /// `s`, for every stage
        let slopes: Int
        /// `Wx x0`, `Wx v0` and `Wv v0`
        let sources: Int
        /// The network's hidden layer where it is not folded in.
        let network: Int
        /// `x(T)`, `[rows, D]`
        let position: Int
        let count: Int
        let hidden: Int
        private let isFirstOrder: Bool

        init<S: KernelScalar>(_ shape: HiddenShape, stages: Int, of scalar: S.Type) {
            let vectors = Tile<S>.count(shape.dimension)
            hidden = Tile<S>.count(shape.hidden)
            isFirstOrder = shape.order == 1
            origin = vectors
            start = origin + vectors
            states = start + Tile<S>.count(shape.startWidth)
            slopes = states + 3 * hidden * shape.order
            sources = slopes + stages * hidden
            network = sources + (shape.start == .zero ? 1 : 3) * hidden
            position = shape.mix == 1 ? mixed : network + Tile<S>.count(shape.foldsNetwork ? 0 : shape.networkWidth)
            count = max(position, network + Tile<S>.count(shape.foldsNetwork ? 0 : shape.networkWidth)) + vectors
        }

        func beta(_ slot: Int) -> Int { states + slot * hidden * (isFirstOrder ? 1 : 2) }
        func alpha(_ slot: Int) -> Int { beta(slot) + hidden }
        func slope(_ stage: Int) -> Int { slopes + stage * hidden }
    }

    let shape: HiddenShape
    let map: Map
    let layers: [Layer]

    init<S: KernelScalar>(_ shape: HiddenShape, method: Method, grid: TimeGrid, of scalar: S.Type) {
        self.shape = shape
        map = Map(shape, stages: method.stages, of: scalar)
        var planner = HiddenPlanner(shape, method: method, grid: grid, map: map)
        layers = planner.layers()
    }

    /// Floating-point operations a row, a multiply-add being two: matrix products only, without padding.
    var operations: Int { layers.reduce(0) { $0 + 2 * $1.inputs * $1.outputs } }
}
