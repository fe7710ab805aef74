/// How far confidence is from accuracy: rows sorted into bins of equal width by their confidence.
///
/// Bin k of n holds confidences in (k/n, (k+1)/n], and 0 belongs to the first (Guo et al. 2017, "On calibration of
/// modern neural networks", section 2).
public struct CalibrationBins: Sendable, Hashable {
    public struct Bin: Sendable, Hashable {
        public fileprivate(set) var rows = 0
        fileprivate var right = 0
        fileprivate var confidences = 0.0

        /// Right answers per row; 0 in an empty bin.
        public var accuracy: Double { rows == 0 ? 0 : Double(right) / Double(rows) }
        /// Mean confidence; 0 in an empty bin.
        public var confidence: Double { rows == 0 ? 0 : confidences / Double(rows) }
    }

    public private(set) var bins: [Bin]

    public init(count: Int = 15) {
        bins = Array(repeating: Bin(), count: max(1, count))
    }

    public mutating func add(confidence: Double, right: Bool) {
        let index = Int((confidence * Double(bins.count)).rounded(.up)) - 1
        let bin = min(max(index, 0), bins.count - 1)
        bins[bin].rows += 1
        bins[bin].right += right ? 1 : 0
        bins[bin].confidences += confidence
    }

    public var rows: Int { bins.reduce(0) { $0 + $1.rows } }

    /// Expected calibration error: Σ rows(bin)/rows · |accuracy(bin) - confidence(bin)|; 0 where there are no rows.
    public var expectedError: Double {
        let rows = Double(self.rows)
        return rows == 0 ? 0 : bins.reduce(0) { $0 + Double($1.rows) / rows * abs($1.accuracy - $1.confidence) }
    }
}
