/// What a field is multiplied out to, once, in double precision: the matrices and vectors of the hidden-space form.
///
/// Costs `4 D H²` floating-point operations, `8 D H G` more with a network that is folded in.
struct HiddenProducts: Sendable {
    /// `F = Wx W2`, `[H, H]`
    let position: [Double]
    /// `G = Wv W2`, `[H, H]`; empty where the velocity is not read.
    let velocity: [Double]
    /// `f = Wx b2`, `[H]`
    let positionBias: [Double]
    /// `g2 = Wv b2`, `[H]`
    let velocityBias: [Double]

    /// Multiplications that they take, and those with the network's weights where it is folded in.
    static func multiplications(_ shape: HiddenShape) -> Double {
        let inner = Double(shape.hidden) + (shape.foldsNetwork ? Double(shape.networkWidth) : 0)
        return Double(shape.hidden) * Double(shape.dimension) * inner * (shape.readsVelocity ? 2 : 1)
    }

    init<S: KernelScalar>(_ field: FieldWeights<S>, shape: HiddenShape) {
        let output = field.outputWeight.map { Double($0) }
        let bias = field.outputBias.map { Double($0) }
        func products(_ weight: [S]) -> (matrix: [Double], vector: [Double]) {
            let wide = weight.map { Double($0) }
            return (
                Self.product(wide, output, m: shape.hidden, k: shape.dimension, n: shape.hidden),
                Self.product(wide, bias, m: shape.hidden, k: shape.dimension, n: 1)
            )
        }
        (position, positionBias) = products(field.positionWeight)
        (velocity, velocityBias) = shape.readsVelocity ? products(field.velocityWeight) : ([], [])
    }

    /// `a b`, with `a` `[m, k]` and `b` `[k, n]`, on all cores.
    static func product(_ a: [Double], _ b: [Double], m: Int, k: Int, n: Int) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    DisjointRows(m, tile: 16).forEachTile(scratch: { 0 }) { rows, _ in
                        Double.multiply(
                            m: rows.count, n: n, k: k, a + rows.lowerBound * k, transposed: false, b,
                            transposed: false, into: c + rows.lowerBound * n, accumulating: false)
                    }
                }
            }
        }
        return c
    }
}
