import Glibc

/// `logits = x Wᵀ + b`, with `W` `[C, D]` and `b` `[C]`.
struct AffineHead: Sendable {
    var weight: [Double]
    var bias: [Double]

    /// Logits `[n, C]` of rows `[n, D]`.
    func logits(_ rows: [Double], dimension d: Int, threads: Int?) -> [Double] {
        let c = bias.count
        guard !rows.isEmpty else { return [] }
        let columns = Matrices.transposed(weight, rows: c, columns: d)
        var z = Matrices.product(rows, columns, rows: rows.count / d, inner: d, columns: c, threads: threads)
        for i in z.indices { z[i] += bias[i % c] }
        return z
    }

    init(weight: [Double], bias: [Double]) {
        self.weight = weight
        self.bias = bias
    }

    /// The discriminant of Gaussian classes with one covariance: `W = μ Σ⁻¹`, `b = -½ diag(μ Wᵀ)`; classes are equally
    /// likely.
    init(_ statistics: ClassStatistics, shrinkage: Double, classes: Int, dimension d: Int) {
        let means = statistics.means
        let weight = statistics.metric(shrinkage: shrinkage)?.solve(means) ?? means
        self.weight = weight
        bias = (0..<classes).map { label in
            -0.5 * (label * d..<(label + 1) * d).reduce(0) { $0 + means[$1] * weight[$1] }
        }
    }

    /// `(z + α l) / ((1 + α) T)`: zero-shot logits `z = 10 x Pᵀ` and a tenth of this head's logits `l`. The tenth puts CLIP's
    /// scale of 100 within the bounds of the temperature.
    func blended(_ blend: Blend, prototypes: [Double]) -> AffineHead {
        let scale = 1 / ((1 + blend.share) * blend.temperature)
        var copy = self
        for i in weight.indices { copy.weight[i] = scale * (10 * prototypes[i] + 0.1 * blend.share * weight[i]) }
        for i in bias.indices { copy.bias[i] = scale * 0.1 * blend.share * bias[i] }
        return copy
    }

    /// The map `[C, D]` whose rows, times what logits shall change by, give the shortest move of `x` that changes them so:
    /// `W (Wᵀ W + ε I)⁻¹` with the mean row taken off `W`, as adding one number to all logits changes no answer.
    ///
    /// Cost: D³/6.
    func inverse(dimension d: Int, threads: Int?) -> [Double] {
        let c = bias.count
        var centred = weight
        for j in 0..<d {
            let mean = (0..<c).reduce(0.0) { $0 + weight[$1 * d + j] } / Double(c)
            for k in 0..<c { centred[k * d + j] -= mean }
        }
        var square = Matrices.product(
            Matrices.transposed(centred, rows: c, columns: d), centred, rows: d, inner: c, columns: d,
            threads: threads)
        let ridge = 1e-3 * (0..<d).reduce(0.0) { $0 + square[$1 * d + $1] } / Double(d)
        for i in 0..<d { square[i * d + i] += ridge }
        return Cholesky(square, size: d)?.solve(centred) ?? [Double](repeating: 0, count: c * d)
    }
}

/// How zero-shot and the discriminant are put together.
struct Blend: Sendable, Equatable {
    /// `ρ`, of the covariance.
    var shrinkage: Double
    /// `α`, the weight of the discriminant's logits beside zero-shot's.
    var share: Double
    /// `T`
    var temperature: Double

    /// What is taken where nothing can be chosen.
    static let usual = Blend(shrinkage: 0.5, share: 0.1, temperature: 1)
    static let shrinkages = [0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95]
    static let shares = [0] + (0...10).map { pow(10, -3 + 0.5 * Double($0)) }
}
