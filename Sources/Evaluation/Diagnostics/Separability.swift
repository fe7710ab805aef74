/// How well classes stand apart, on rows of length 1. Unlike accuracy it knows nothing of a classifier.
public struct Separability: Sendable, Codable, Equatable {
    /// `tr(S_B) / tr(S_W)`: the spread of the class means around the mean of all rows, each counted as often as it has rows,
    /// over the spread of the rows around their class's mean. More is better. Nil without spread inside the classes.
    public var fisherRatio: Double?
    /// The mean silhouette with cosine distance, -1 to 1: `(b - a) / max(a, b)`, with `a` a row's mean distance to the others of
    /// its class and `b` the least mean distance to the rows of another; 0 for a row that is alone in its class. More is better.
    /// Source: Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20 (1987).
    public var silhouette: Double
    /// Mean distance to the mean of the own class over mean distance to the nearest mean of another. Less is better. Nil where
    /// the means coincide.
    public var distanceRatio: Double?

    /// Costs `2 n C D` multiplications; silhouettes follow from sums over classes, as cosine distance is linear.
    ///
    /// - Parameters:
    ///   - rows: unit rows, `[n, D]`.
    ///   - labels: `[n]`, each in `0..<classes`.
    /// - Returns: nil with rows of fewer than two classes.
    public init?(_ rows: [Float], labels: [Int], classes: Int, dimension d: Int) {
        var counts = [Int](repeating: 0, count: classes)
        var sums = [Double](repeating: 0, count: classes * d)
        for (row, label) in labels.enumerated() {
            counts[label] += 1
            for i in 0..<d { sums[label * d + i] += Double(rows[row * d + i]) }
        }
        let present = counts.indices.filter { counts[$0] > 0 }
        guard present.count > 1 else { return nil }
        let total = (0..<d).map { i in present.reduce(0) { $0 + sums[$1 * d + i] } / Double(labels.count) }
        let means = sums.enumerated().map { $1 / Double(max(1, counts[$0 / d])) }

        var between = 0.0
        for label in present {
            for i in 0..<d {
                let difference = means[label * d + i] - total[i]
                between += Double(counts[label]) * difference * difference
            }
        }
        var (within, own, nearest, silhouettes) = (0.0, 0.0, 0.0, 0.0)
        let norms = present.map { label in
            (0..<d).reduce(0) { $0 + means[label * d + $1] * means[label * d + $1] }
        }
        rows.withUnsafeBufferPointer { rows in
            means.withUnsafeBufferPointer { means in
                for (row, label) in labels.enumerated() {
                    var square = 0.0
                    for i in 0..<d { square += Double(rows[row * d + i]) * Double(rows[row * d + i]) }
                    var (a, b) = (0.0, Double.infinity)
                    var (home, other) = (0.0, Double.infinity)
                    for (place, candidate) in present.enumerated() {
                        var product = 0.0
                        for i in 0..<d { product += Double(rows[row * d + i]) * means[candidate * d + i] }
                        let distance = max(0, square - 2 * product + norms[place])
                        if candidate == label {
                            home = distance
                            let n = Double(counts[label])
                            // Without the row itself.
                            a = counts[label] > 1 ? 1 - (n * product - square) / (n - 1) : 0
                        } else {
                            b = min(b, 1 - product)
                            other = min(other, distance)
                        }
                    }
                    within += home
                    own += home.squareRoot()
                    nearest += other.squareRoot()
                    if counts[label] > 1, max(a, b) > 0 { silhouettes += (b - a) / max(a, b) }
                }
            }
        }
        fisherRatio = within > 0 ? between / within : nil
        silhouette = silhouettes / Double(labels.count)
        distanceRatio = nearest > 0 ? own / nearest : nil
    }
}
