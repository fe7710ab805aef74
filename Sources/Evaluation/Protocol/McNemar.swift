import Foundation

/// Whether two classifiers differ on the same rows, by the rows that exactly one of them has right.
///
/// Source: McNemar (1947), in its exact form: under the null hypothesis each such row is a fair coin.
public enum McNemar {
    /// The two-sided p-value `min(1, 2 P(X <= min(b, c)))` with `X` binomial of `b + c` tosses.
    ///
    /// - Parameters:
    ///   - onlyFirst: `b`, rows that only the first has right.
    ///   - onlySecond: `c`
    public static func pValue(onlyFirst: Int, onlySecond: Int) -> Double {
        let n = onlyFirst + onlySecond
        guard n > 0 else { return 1 }
        let whole = lgamma(Double(n + 1)) - Double(n) * log(2)
        var sum = 0.0
        for k in 0...min(onlyFirst, onlySecond) {
            sum += exp(whole - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1)))
        }
        return min(1, 2 * sum)
    }

    public static func pValue(_ first: [Bool], _ second: [Bool]) -> Double {
        let pairs = zip(first, second)
        return pValue(onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 })
    }
}

/// Holm's step-down correction (1979) for testing several hypotheses at once.
public enum Holm {
    /// Adjusted p-values, in the order given: compare them with the level that one test would have.
    public static func adjusted(_ pValues: [Double]) -> [Double] {
        var result = pValues
        var highest = 0.0
        for (rank, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
            highest = max(highest, min(1, Double(pValues.count - rank) * pValues[index]))
            result[index] = highest
        }
        return result
    }
}
