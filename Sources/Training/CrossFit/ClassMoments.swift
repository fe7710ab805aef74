/// Sums over labelled rows from which class means and the scatter within classes follow, for any union of folds.
struct ClassMoments: Sendable {
    /// `[C]`
    private(set) var counts: [Double]
    /// `Σ x` of each class, `[C, D]`.
    private(set) var sums: [Double]
    /// `Σ x xᵀ` over all rows, `[D, D]`.
    private(set) var second: [Double]

    /// Cost: n D².
    ///
    /// - Parameter rows: `[n, D]`
    init(rows: [Double], labels: [Int], classes: Int, dimension d: Int, threads: Int?) {
        counts = [Double](repeating: 0, count: classes)
        sums = [Double](repeating: 0, count: classes * d)
        for (row, label) in labels.enumerated() {
            counts[label] += 1
            for j in 0..<d { sums[label * d + j] += rows[row * d + j] }
        }
        second = Matrices.product(
            Matrices.transposed(rows, rows: labels.count, columns: d), rows, rows: d, inner: labels.count, columns: d,
            threads: threads)
    }

    static func += (left: inout ClassMoments, right: ClassMoments) {
        for i in left.counts.indices { left.counts[i] += right.counts[i] }
        for i in left.sums.indices { left.sums[i] += right.sums[i] }
        for i in left.second.indices { left.second[i] += right.second[i] }
    }
}

/// Class means, and what rows deviate from them by.
struct ClassStatistics: Sendable {
    /// `μ`, `[C, D]`; a class without rows has its zero-shot prototype for a mean.
    let means: [Double]
    /// `S / n`, `[D, D]`: the covariance of rows around their class means, pooled over the classes.
    let covariance: [Double]

    private let dimension: Int

    init(_ moments: ClassMoments, prototypes: [Double], dimension d: Int, threads: Int?) {
        let c = moments.counts.count
        dimension = d
        var (means, weighted) = (prototypes, [Double](repeating: 0, count: c * d))
        for label in 0..<c where moments.counts[label] > 0 {
            let root = moments.counts[label].squareRoot()
            for j in label * d..<(label + 1) * d {
                means[j] = moments.sums[j] / moments.counts[label]
                weighted[j] = moments.sums[j] / root
            }
        }
        self.means = means
        let between = Matrices.product(
            Matrices.transposed(weighted, rows: c, columns: d), weighted, rows: d, inner: c, columns: d,
            threads: threads)
        let n = max(1, moments.counts.reduce(0, +))
        covariance = zip(moments.second, between).map { ($0 - $1) / n }
    }

    /// `(1 - ρ) S / n + ρ tr(S / n) / D · I`, factored; of the identity where rows do not deviate at all.
    func metric(shrinkage: Double) -> Cholesky? {
        let d = dimension
        let mean = (0..<d).reduce(0.0) { $0 + covariance[$1 * d + $1] } / Double(d)
        // Below this the deviations are rounding.
        guard mean > 1e-12 else { return nil }
        var shrunk = covariance.map { (1 - shrinkage) * $0 }
        for i in 0..<d { shrunk[i * d + i] += shrinkage * mean }
        return Cholesky(shrunk, size: d)
    }
}
