/// What the training rows looked like, so that drift of later batches can be told: the `reference` of a model file.
struct ReferenceStatistics: Codable {
    struct Spread: Codable {
        let mean: Double
        let standardDeviation: Double
        /// At 0, 5, 25, 50, 75, 95 and 100 %.
        let quantiles: [Double]

        init(_ values: [Double]) {
            let count = Double(max(1, values.count))
            let mean = values.reduce(0, +) / count
            self.mean = mean
            standardDeviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
            let sorted = values.sorted()
            quantiles = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1].map { share in
                sorted.isEmpty ? 0 : sorted[Int((share * Double(sorted.count - 1)).rounded())]
            }
        }

        enum CodingKeys: String, CodingKey {
            case mean, quantiles
            case standardDeviation = "standard_deviation"
        }
    }

    var schema = "sono-reference/1"
    let rows: Int
    let dimension: Int
    /// `|e|` before normalising.
    let norm: Spread
    /// The mean of the unit rows, `[D]`.
    let mean: [Float]
    /// Its length: 1 if all rows point one way, near 0 if they point everywhere.
    let resultant: Double
    /// Cosine of each unit row with the mean's direction.
    let similarity: Spread
    /// Rows of each class.
    let classRows: [Int]

    init(_ rows: PreparedRows, classes: Int) {
        let d = rows.dimension
        var sum = [Double](repeating: 0, count: d)
        for row in 0..<rows.rows {
            for i in 0..<d { sum[i] += Double(rows.start[row * d + i]) }
        }
        let mean = sum.map { $0 / Double(max(1, rows.rows)) }
        let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let similarities = (0..<rows.rows).map { row in
            (0..<d).reduce(0.0) { $0 + Double(rows.start[row * d + $1]) * mean[$1] }
                / max(length, .leastNormalMagnitude)
        }
        var classRows = [Int](repeating: 0, count: classes)
        for label in rows.labels { classRows[Int(label)] += 1 }
        self.rows = rows.rows
        dimension = d
        norm = Spread(rows.norms)
        self.mean = mean.map(Float.init)
        resultant = length
        similarity = Spread(similarities)
        self.classRows = classRows
    }

    enum CodingKeys: String, CodingKey {
        case schema, rows, dimension, norm, mean, resultant, similarity
        case classRows = "class_rows"
    }
}
