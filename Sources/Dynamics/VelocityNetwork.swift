/// The network that gives the initial velocity, `g(x) = V2 act(V1 x + c1) + c2`, row-major.
public struct VelocityNetwork<S: KernelScalar>: Sendable, Equatable {
    /// `V1`, `[G, D]`
    public var inputWeight: [S] = []
    /// `c1`, `[G]`
    public var inputBias: [S] = []
    /// `V2`, `[D, G]`
    public var outputWeight: [S] = []
    /// `c2`, `[D]`
    public var outputBias: [S] = []

    /// `G`, the width of the hidden layer.
    public var hidden: Int { inputBias.count }

    public init() {}
}
