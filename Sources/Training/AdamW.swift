import Glibc

/// Adam with decoupled weight decay.
///
///     m = β1 m + (1 - β1) g        v = β2 v + (1 - β2) g²
///     w -= rate · (m / (1 - β1ᵗ) / (√(v / (1 - β2ᵗ)) + ε) + decay · w)
///
/// Source: Loshchilov and Hutter, Decoupled weight decay regularization (arXiv 1711.05101).
package struct AdamW {
    /// A stretch of the parameters with a learning rate of its own.
    package struct Group {
        let range: Range<Int>
        let rate: Double
        let decay: Double

        package init(range: Range<Int>, rate: Double, decay: Double) {
            self.range = range
            self.rate = rate
            self.decay = decay
        }
    }

    private let groups: [Group]
    private var first: [Float]
    private var second: [Float]
    private var updates = 0

    private static let beta1: Float = 0.9
    private static let beta2: Float = 0.999
    private static let epsilon: Float = 1e-8

    /// - Parameter groups: parameters that belong to none stay as they are.
    package init(count: Int, groups: [Group]) {
        self.groups = groups
        first = [Float](repeating: 0, count: count)
        second = [Float](repeating: 0, count: count)
    }

    /// - Parameter factor: of the schedule, times every group's rate.
    package mutating func update(_ parameters: inout [Float], gradient: [Float], factor: Double) {
        updates += 1
        let firstScale = Float(1 / (1 - pow(Double(Self.beta1), Double(updates))))
        let secondScale = Float(1 / (1 - pow(Double(Self.beta2), Double(updates))))
        for group in groups {
            let rate = Float(group.rate * factor)
            let decay = Float(group.decay)
            for i in group.range {
                let g = gradient[i]
                first[i] = Self.beta1 * first[i] + (1 - Self.beta1) * g
                second[i] = Self.beta2 * second[i] + (1 - Self.beta2) * g * g
                let size = (second[i] * secondScale).squareRoot() + Self.epsilon
                parameters[i] -= rate * (first[i] * firstScale / size + decay * parameters[i])
            }
        }
    }
}

/// A learning rate that rises linearly from 0 and falls to 0 along half a cosine, as a factor of its peak.
package struct CosineSchedule {
    let updates: Int
    let warmUp: Int

    package init(updates: Int, warmUp share: Double) {
        self.updates = updates
        warmUp = max(1, Int(share * Double(updates)))
    }

    /// - Parameter update: from 1 to `updates`.
    package func factor(_ update: Int) -> Double {
        guard update >= warmUp else { return Double(update) / Double(warmUp) }
        let share = Double(update - warmUp) / Double(max(1, updates - warmUp))
        return 0.5 * (1 + cos(Double.pi * share))
    }
}
