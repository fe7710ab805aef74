import Refinement

/// The plane through the mean of some rows in which they spread most: their first two principal components.
struct PrincipalPlane {
    /// `[D]`
    let mean: [Double]
    /// Two unit vectors at right angles, `[2][D]`, the one with more variance first.
    let axes: [[Double]]
    /// The share of the variance along each, 0 to 1.
    let explained: [Double]
    /// Enough for a picture: the error falls as the ratio of the third variance to the second, to this power.
    private static let iterations = 200

    /// By orthogonal iteration with the rows themselves, never with their covariance: `O(n D)` an iteration.
    ///
    /// - Parameter rows: `[n, D]`, D at least 2.
    init(_ rows: [Float], dimension d: Int) {
        let n = rows.count / d
        var mean = [Double](repeating: 0, count: d)
        for row in 0..<n { for i in 0..<d { mean[i] += Double(rows[row * d + i]) / Double(n) } }
        var centred = [Double](repeating: 0, count: n * d)
        for row in 0..<n { for i in 0..<d { centred[row * d + i] = Double(rows[row * d + i]) - mean[i] } }

        /// `Xᵀ X v`
        func spread(_ v: [Double]) -> [Double] {
            var result = [Double](repeating: 0, count: d)
            for row in 0..<n {
                let first = row * d
                var along = 0.0
                for i in 0..<d { along += centred[first + i] * v[i] }
                for i in 0..<d { result[i] += along * centred[first + i] }
            }
            return result
        }
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        func unit(_ v: [Double], across others: [[Double]]) -> [Double] {
            var v = v
            for other in others {
                let along = dot(v, other)
                for i in 0..<d { v[i] -= along * other[i] }
            }
            let norm = dot(v, v).squareRoot()
            return norm > 0 ? v.map { $0 / norm } : v
        }
        // Any two vectors do that are not at right angles to the plane: drawn, so that nothing is arranged.
        var generator = SplitMix64(seed: 1)
        var axes: [[Double]] = []
        for _ in 0..<2 { axes.append(unit((0..<d).map { _ in generator.gaussian() }, across: axes)) }
        for _ in 0..<Self.iterations {
            let first = unit(spread(axes[0]), across: [])
            axes = [first, unit(spread(axes[1]), across: [first])]
        }
        let total = dot(centred, centred)
        explained = axes.map { total > 0 ? dot($0, spread($0)) / total : 0 }
        self.mean = mean
        self.axes = axes
    }

    /// Where a place of the features lies in the plane, `[2]`.
    func coordinates(_ x: [Double]) -> [Double] {
        axes.map { axis in x.indices.reduce(0) { $0 + (x[$1] - mean[$1]) * axis[$1] } }
    }
}
