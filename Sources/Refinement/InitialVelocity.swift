import Dynamics

/// The initial-velocity network, `g(x) = V2 act(V1 x + c1) + c2`, ready to be computed. Costs `2 D G` multiplications a row.
struct InitialVelocity<S: KernelScalar>: Sendable {
    private let dimension: Int
    private let hidden: Int
    private let activation: Activation
    private let inputWeight: PackedMatrix<S>
    private let outputWeight: PackedMatrix<S>
    private let inputBias: [S]
    private let outputBias: [S]

    init(_ network: VelocityNetwork<S>, configuration: ModelConfiguration) {
        dimension = configuration.dimension
        hidden = network.hidden
        activation = configuration.activation
        inputWeight = PackedMatrix(network.inputWeight, outputs: hidden, inputs: dimension)
        outputWeight = PackedMatrix(network.outputWeight, outputs: dimension, inputs: hidden)
        inputBias = network.inputBias
        outputBias = network.outputBias
    }

    func scratchCount(rows: Int) -> Int { rows * hidden }

    /// `velocity = g(x)`, both `[rows, D]`.
    func evaluate(
        _ x: UnsafePointer<S>, rows: Int, scratch: UnsafeMutablePointer<S>, into velocity: UnsafeMutablePointer<S>
    ) {
        inputWeight.multiply(x, rows: rows, into: scratch)
        S.add(row: inputBias, m: rows, n: hidden, into: scratch)
        S.apply(activation, scratch, count: rows * hidden)
        outputWeight.multiply(scratch, rows: rows, into: velocity)
        S.add(row: outputBias, m: rows, n: dimension, into: velocity)
    }
}
