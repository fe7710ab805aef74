import Failures
import Refinement
import Training

/// Coarser features or weaker labels than there are, to see where refinement pays. Features are corrupted in every set, as
/// an encoder would; labels in the support alone. Seeded: the same rows come out each time.
public enum Corruption: Sendable, Equatable {
    /// Gaussian noise of expected length σ on the unit row.
    case gaussian(Double)
    /// Every number of the unit row rounded to one of `2^b` levels from `-4 / √D` to `4 / √D`.
    case quantise(Int)
    /// Each number is 0 with probability p, the same ones in every row and set: lost features.
    case drop(Double)
    /// Each support label is another class with probability p.
    case labelNoise(Double)

    /// `gaussian:0.1`, `quantise:3`, `drop:0.5`, `label-noise:0.2`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let value = Double(parts[1]), value >= 0, value.isFinite else { return nil }
        switch parts[0] {
        case "gaussian": self = .gaussian(value)
        case "quantise" where value >= 1 && value <= 16 && value == value.rounded(): self = .quantise(Int(value))
        case "drop" where value < 1: self = .drop(value)
        case "label-noise" where value < 1: self = .labelNoise(value)
        default: return nil
        }
    }

    public func features(_ rows: TrainingRows, seed: UInt64) -> TrainingRows {
        let d = rows.dimension
        var result = rows
        for row in 0..<rows.rows {
            let range = row * d..<(row + 1) * d
            let norm = rows.embeddings[range].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            for i in range where norm > 0 { result.embeddings[i] = Float(Double(rows.embeddings[i]) / norm) }
        }
        var generator = SplitMix64(seed: seed)
        switch self {
        case .gaussian(let size):
            let factor = size / Double(d).squareRoot()
            for i in result.embeddings.indices { result.embeddings[i] += Float(factor * generator.gaussian()) }
        case .quantise(let bits):
            let high = 4 / Float(d).squareRoot()
            let step = 2 * high / Float((1 << bits) - 1)
            for i in result.embeddings.indices {
                result.embeddings[i] =
                    step * ((min(high, max(-high, result.embeddings[i])) + high) / step).rounded() - high
            }
        case .drop(let share):
            // The same columns in every set.
            var columns = SplitMix64(seed: 1)
            let kept = (0..<d).map { _ in columns.uniform() >= share }
            for i in result.embeddings.indices where !kept[i % d] { result.embeddings[i] = 0 }
        case .labelNoise: return rows
        }
        return result
    }

    public func labels(_ rows: TrainingRows, seed: UInt64) -> TrainingRows {
        guard case .labelNoise(let share) = self, rows.classes.count > 1 else { return rows }
        var (result, generator) = (rows, SplitMix64(seed: seed))
        for row in result.labels.indices where result.labels[row] >= 0 && generator.uniform() < share {
            let other = generator.below(rows.classes.count - 1)
            result.labels[row] = Int32(other >= Int(result.labels[row]) ? other + 1 : other)
        }
        return result
    }
}
