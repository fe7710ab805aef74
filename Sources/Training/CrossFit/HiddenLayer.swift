import Dynamics

/// A hidden layer whose units stand at rows: unit j answers to how far `x` lies in the direction of row `c_j`, in the metric
/// of the covariance `Σ` within classes:
///
///     φ_j(x) = act(β (⟨x - m, c_j - m⟩ / (|c_j - m| r) - τ)) / s        ⟨u, w⟩ = uᵀ Σ⁻¹ w
///
/// with `m` the mean row, `r` the root mean square of `|x - m|`, and `s` that of `|φ|`, over the rows it was made from. A
/// direction in which rows of one class differ anyway counts for little in this metric.
struct HiddenLayer: Sendable {
    /// `[H, D]`
    let weight: [Float]
    /// `[H]`
    let bias: [Float]
    /// `s`
    let scale: Float
    private let activation: Activation
    private let dimension: Int

    var width: Int { bias.count }

    private static let steepness = 4.0
    private static let threshold = 0.2
    /// Rows that the two root mean squares are taken over.
    private static let sample = 1_000

    /// - Parameters:
    ///   - rows: `[n, D]`
    ///   - centres: indices of the rows that units stand at.
    ///   - metric: of `Σ`; nil for the identity.
    init(
        rows: [Double], centres: [Int], metric: Cholesky?, activation: Activation, dimension d: Int, threads: Int?
    ) {
        let n = rows.count / d
        dimension = d
        self.activation = activation
        var mean = [Double](repeating: 0, count: d)
        for row in 0..<n { for j in 0..<d { mean[j] += rows[row * d + j] / Double(n) } }
        func centred(_ indices: some Sequence<Int>) -> [Double] {
            indices.flatMap { row in (0..<d).map { rows[row * d + $0] - mean[$0] } }
        }
        func square(_ values: ArraySlice<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 } }

        let sampled = stride(from: 0, to: n, by: max(1, n / Self.sample))
        let deviations = centred(sampled)
        let whitened = metric?.forward(deviations) ?? deviations
        let spread = (square(whitened[...]) / Double(whitened.count / d)).squareRoot()

        let directions = centred(centres)
        var solved = metric?.solve(directions) ?? directions
        var bias = [Double](repeating: 0, count: centres.count)
        for unit in centres.indices {
            let range = unit * d..<(unit + 1) * d
            let length = range.reduce(0.0) { $0 + directions[$1] * solved[$1] }.squareRoot()
            let factor = length * spread > 0 ? Self.steepness / (length * spread) : 0
            for j in range { solved[j] *= factor }
            bias[unit] =
                -Self.steepness * Self.threshold - range.reduce(0) { $0 + solved[$1] * mean[$1 - range.lowerBound] }
        }
        weight = solved.map(Float.init)
        self.bias = bias.map(Float.init)
        var scale = Float(1)
        let values = Self.answers(
            sampled.flatMap { rows[$0 * d..<($0 + 1) * d] }, weight, self.bias, scale, activation, d, threads)
        let size = (values.reduce(0) { $0 + $1 * $1 } / Double(max(1, values.count / max(1, centres.count))))
            .squareRoot()
        if size > 0 { scale = Float(size) }
        self.scale = scale
    }

    /// `φ`, `[n, H]`, of rows `[n, D]`.
    func answers(_ rows: [Double], threads: Int?) -> [Double] {
        Self.answers(rows, weight, bias, scale, activation, dimension, threads)
    }

    private static func answers(
        _ rows: [Double], _ weight: [Float], _ bias: [Float], _ scale: Float, _ activation: Activation, _ d: Int,
        _ threads: Int?
    ) -> [Double] {
        let h = bias.count
        guard !rows.isEmpty else { return [] }
        var values = Matrices.product(
            rows.map(Float.init), Matrices.transposed(weight, rows: h, columns: d), rows: rows.count / d, inner: d,
            columns: h, threads: threads)
        for i in values.indices { values[i] += bias[i % h] }
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            Float.apply(activation, base, count: buffer.count)
        }
        return values.map { Double($0 / scale) }
    }

    /// `count` rows to stand at, class after class in turn, beginning behind the first `skipped` of that order; fewer where
    /// there are fewer rows.
    static func centres(_ labels: [Int], classes: Int, count: Int, skipping skipped: Int = 0) -> [Int] {
        var seen = [Int](repeating: 0, count: classes)
        let turns = labels.indices.map { row in
            defer { seen[labels[row]] += 1 }
            return (turn: seen[labels[row]], label: labels[row], row: row)
        }
        let order = turns.sorted { ($0.turn, $0.label) < ($1.turn, $1.label) }.map(\.row)
        return (0..<min(count, order.count)).map { order[($0 + skipped) % order.count] }
    }
}
