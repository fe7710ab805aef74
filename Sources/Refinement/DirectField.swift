import Dynamics

/// The field of a model, evaluated as it is written:
///
///     S(x, x', t) = W2 act(Wx x + Wv x' + wt t + b1) + b2 - γ x'
///
/// with `x`, `x'` and `S` `[rows, D]` and the hidden layer `[rows, H]`. At order 1 the terms in `x'` are gone. Costs
/// `3 D H` multiplications a row at order 2, `2 D H` at order 1.
public struct DirectField<S: KernelScalar>: SecondOrderSystem {
    public let order: Int
    public let dimension: Int
    private let hidden: Int
    private let activation: Activation
    private let positionWeight: PackedMatrix<S>
    private let velocityWeight: PackedMatrix<S>?
    private let outputWeight: PackedMatrix<S>
    private let timeWeight: [S]
    private let bias: [S]
    private let outputBias: [S]
    private let damping: S

    /// - Parameter model: a checked model of order 1 or 2.
    public init(_ model: Model<S>) {
        let configuration = model.configuration
        let field = model.field
        order = configuration.order
        dimension = configuration.dimension
        hidden = configuration.hidden
        activation = configuration.activation
        positionWeight = PackedMatrix(field.positionWeight, outputs: hidden, inputs: dimension)
        velocityWeight =
            HiddenShape(model).readsVelocity
            ? PackedMatrix(field.velocityWeight, outputs: hidden, inputs: dimension) : nil
        outputWeight = PackedMatrix(field.outputWeight, outputs: dimension, inputs: hidden)
        timeWeight = field.timeWeight
        bias = field.bias
        outputBias = field.outputBias
        damping = order == 2 ? field.damping : 0
    }

    public func scratchCount(rows: Int) -> Int {
        (rows + 1) * hidden
    }

    public func evaluate(
        time: Double, position: UnsafePointer<S>, velocity: UnsafePointer<S>?, rows: Int,
        scratch: UnsafeMutablePointer<S>, into result: UnsafeMutablePointer<S>
    ) {
        let layer = scratch
        let shift = scratch + rows * hidden
        // wt t + b1 is the same for all rows.
        shift.update(from: bias, count: hidden)
        S.add(timeWeight, times: S(time), into: shift, count: hidden)
        positionWeight.multiply(position, rows: rows, into: layer)
        if let velocity { velocityWeight?.multiply(velocity, rows: rows, into: layer, accumulating: true) }
        S.add(row: shift, m: rows, n: hidden, into: layer)
        S.apply(activation, layer, count: rows * hidden)

        outputWeight.multiply(layer, rows: rows, into: result)
        S.add(row: outputBias, m: rows, n: dimension, into: result)
        if let velocity, damping != 0 {
            S.add(velocity, times: -damping, into: result, count: rows * dimension)
        }
    }
}
