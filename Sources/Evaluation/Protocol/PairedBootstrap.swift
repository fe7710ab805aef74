import Refinement

/// How much of a difference between two classifiers is luck of the rows and of the draws.
///
/// Each resample takes draws with replacement, and rows with replacement; a row is taken for all shots and draws and for
/// both classifiers alike, as all of them were judged on the same rows. Sets are resampled each by itself and weigh the
/// same. Percentile interval (Efron and Tibshirani 1993, chapter 13).
public struct PairedBootstrap: Sendable {
    /// First minus second, in shares from -1 to 1.
    public let difference: Double
    /// 95 % interval.
    public let low: Double
    public let high: Double

    /// What two classifiers got right on one set: `[shots][draw]`, each `[rows]`: 1, 0 or -1 for the difference.
    public struct Cells: Sendable {
        let differences: [[[Int8]]]

        /// Whether there is no draw to compare by.
        var isEmpty: Bool { differences.allSatisfy(\.isEmpty) }

        /// - Parameters:
        ///   - first: `[shots][draw][row]`, whether the answer is right.
        ///   - second: the same shape.
        public init(first: [[[Bool]]], second: [[[Bool]]]) {
            differences = zip(first, second).map { zip($0, $1).map { zip($0, $1).map { ($0 ? 1 : 0) - ($1 ? 1 : 0) } } }
        }
    }

    /// - Parameters:
    ///   - sets: one for each set; empty ones are left out.
    ///   - resamples: 2,000 are enough for two digits of an interval.
    public init(_ sets: [Cells], resamples: Int = 2_000, seed: UInt64 = 1) {
        let sets = sets.filter { !$0.isEmpty }
        guard !sets.isEmpty else {
            (difference, low, high) = (0, 0, 0)
            return
        }
        difference = sets.reduce(0) { $0 + Self.mean($1.differences) } / Double(sets.count)
        var generator = SplitMix64(seed: seed)
        let values = (0..<resamples).map { _ in
            sets.reduce(0) { $0 + Self.resampled($1.differences, &generator) } / Double(sets.count)
        }.sorted()
        low = values[Int(0.025 * Double(resamples - 1))]
        high = values[Int((0.975 * Double(resamples - 1)).rounded(.up))]
    }

    private static func mean(_ differences: [[[Int8]]]) -> Double {
        let shots = differences.filter { !$0.isEmpty }
        return shots.reduce(0) { sum, draws in
            sum + draws.reduce(0) { $0 + Double($1.reduce(0) { $0 + Int($1) }) / Double($1.count) }
                / Double(draws.count)
        } / Double(shots.count)
    }

    private static func resampled(_ differences: [[[Int8]]], _ generator: inout SplitMix64) -> Double {
        let rows = differences.lazy.flatMap { $0 }.first?.count ?? 0
        var weights = [Int](repeating: 0, count: rows)
        for _ in 0..<rows { weights[generator.below(rows)] += 1 }
        let shots = differences.filter { !$0.isEmpty }
        return shots.reduce(0) { sum, draws in
            sum
                + (0..<draws.count).reduce(0) { sum, _ in
                    let draw = draws[generator.below(draws.count)]
                    var total = 0
                    for row in 0..<rows { total += weights[row] * Int(draw[row]) }
                    return sum + Double(total) / Double(rows)
                } / Double(draws.count)
        } / Double(shots.count)
    }
}
