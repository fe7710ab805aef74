/// What decides how a model is solved in hidden space, apart from its weights.
public struct HiddenShape: Sendable, Equatable {
    /// Where the initial velocity comes from.
    public enum Start: Sendable, Equatable {
        /// It is zero, or there is none.
        case zero
        /// A network whose hidden layer has this width.
        case network(width: Int)
        /// It comes with the rows.
        case supplied
    }

    /// 1 or 2.
    public var order: Int
    /// `D`
    public var dimension: Int
    /// `H`
    public var hidden: Int
    public var start: Start
    /// Whether the field reads the velocity otherwise than by damping, that is `Wv` is not zero.
    public var readsVelocity: Bool
    /// `γ`
    public var damping: Double
    /// `m` in `y = x0 + m (x(T) - x0)`.
    public var mix: Double

    public init(
        order: Int, dimension: Int, hidden: Int, start: Start, readsVelocity: Bool, damping: Double, mix: Double
    ) {
        self.order = order
        self.dimension = dimension
        self.hidden = hidden
        self.start = order == 2 ? start : .zero
        self.readsVelocity = order == 2 && readsVelocity
        self.damping = order == 2 ? damping : 0
        self.mix = mix
    }

    /// `G`, or 0.
    var networkWidth: Int {
        if case .network(let width) = start { width } else { 0 }
    }

    /// Whether `v0 = V2 a + c2` is never computed: `Wx V2`, `Wv V2` and `V2` are applied to `a`, `[rows, G]`, instead.
    var foldsNetwork: Bool { networkWidth > 0 && networkWidth < dimension }

    /// The length of what stands for the initial velocity: `v0` itself, or the network's hidden layer; 0 without.
    var startWidth: Int { start == .zero ? 0 : foldsNetwork ? networkWidth : dimension }
}
