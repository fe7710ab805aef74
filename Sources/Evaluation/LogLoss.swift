import Foundation

/// Mean negative log-likelihood of the true class, in nats.
///
/// A probability is clipped from below at 2^-23 (the spacing of Float at 1), as scikit-learn's `log_loss` does for
/// float32: one hopeless row then costs 15.9 and not infinity.
public struct LogLoss: Sendable, Hashable {
    private var sum = 0.0
    public private(set) var rows = 0

    public init() {}

    public mutating func add(probability: Double) {
        sum -= log(min(max(probability, Double(Float.ulpOfOne)), 1))
        rows += 1
    }

    /// 0 where there are no rows.
    public var mean: Double { rows == 0 ? 0 : sum / Double(rows) }
}
