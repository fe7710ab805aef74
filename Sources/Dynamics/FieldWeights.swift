/// The weights of the field `S(x, x', t) = W2 act(Wx x + Wv x' + wt t + b1) + b2 - γ x'`, row-major.
///
/// At order 1 `velocityWeight` is empty and `damping` 0; at order 0 everything is empty.
public struct FieldWeights<S: KernelScalar>: Sendable, Equatable {
    /// `Wx`, `[H, D]`
    public var positionWeight: [S] = []
    /// `Wv`, `[H, D]`
    public var velocityWeight: [S] = []
    /// `wt`, `[H]`
    public var timeWeight: [S] = []
    /// `b1`, `[H]`
    public var bias: [S] = []
    /// `W2`, `[D, H]`
    public var outputWeight: [S] = []
    /// `b2`, `[D]`
    public var outputBias: [S] = []
    /// `γ`
    public var damping: S = 0

    public init() {}
}
