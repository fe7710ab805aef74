import Glibc

/// Puts probabilities right by one number: the temperature that makes the labels likeliest.
///
/// Source: Guo et al., On calibration of modern neural networks (ICML 2017).
package enum Calibration {
    /// Accuracy, and the likelihood at the best temperature. Cost: about 40 passes over the logits.
    ///
    /// - Parameters:
    ///   - logits: `[n, C]`
    ///   - labels: `[n]`, none of them -1.
    package static func score(logits: [Float], labels: [Int32], classes: Int) -> ValidationScore {
        var right = 0
        for (row, label) in labels.enumerated() {
            let z = logits[row * classes..<(row + 1) * classes]
            var best = z.startIndex
            for i in z.indices where z[i] > z[best] { best = i }
            if best - z.startIndex == Int(label) { right += 1 }
        }
        let temperature = bestTemperature(logits: logits, labels: labels, classes: classes)
        return ValidationScore(
            rows: labels.count, accuracy: Double(right) / Double(max(1, labels.count)),
            nll: nll(logits: logits, labels: labels, classes: classes, temperature: temperature),
            temperature: temperature)
    }

    /// The best temperature after one more row is imagined, of which nothing is known: each label is smoothed by
    /// `1 / (n + 1)` over all classes. Otherwise a few rows that are all right would ask for certainty.
    ///
    /// Golden-section search over the logarithm; the cost is convex in `1 / temperature`, so it has one valley.
    package static func bestTemperature(logits: [Float], labels: [Int32], classes: Int) -> Double {
        func cost(_ exponent: Double) -> Double {
            nll(
                logits: logits, labels: labels, classes: classes, temperature: exp(exponent),
                smoothing: 1 / Double(labels.count + 1))
        }
        let ratio = (5.0.squareRoot() - 1) / 2
        // Rows that are all wrong would drive it to infinity.
        var (low, high) = (log(0.02), log(20.0))
        var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
        var (leftCost, rightCost) = (cost(left), cost(right))
        while high - low > 1e-3 {
            if leftCost < rightCost {
                (high, right, rightCost) = (right, left, leftCost)
                left = high - ratio * (high - low)
                leftCost = cost(left)
            } else {
                (low, left, leftCost) = (left, right, rightCost)
                right = low + ratio * (high - low)
                rightCost = cost(right)
            }
        }
        return exp((low + high) / 2)
    }

    /// Mean negative log-likelihood in nats; with `smoothing`, of labels mixed with the uniform distribution by that share.
    package static func nll(
        logits: [Float], labels: [Int32], classes: Int, temperature: Double, smoothing: Double = 0
    ) -> Double {
        let factor = Float(1 / temperature)
        var total = 0.0
        logits.withUnsafeBufferPointer { logits in
            for (row, label) in labels.enumerated() {
                let z = logits[row * classes..<(row + 1) * classes]
                let highest = z.max() ?? 0
                var (partition, sum): (Float, Float) = (0, 0)
                for value in z {
                    partition += expf((value - highest) * factor)
                    sum += value - highest
                }
                let own = Double(z[z.startIndex + Int(label)] - highest)
                let target = (1 - smoothing) * own + smoothing * Double(sum) / Double(max(1, classes))
                total += Double(logf(partition)) - target / temperature
            }
        }
        return total / Double(max(1, labels.count))
    }
}
