import Dynamics
import Refinement

/// Cuts an epoch into updates: support rows in a fresh order, prompts spread over the updates with fresh noise.
package struct BatchSampler {
    package let batches: Int
    private let options: TrainingOptions
    private let support: PreparedRows
    private let prompts: PreparedRows
    private var generator: SplitMix64

    package init(options: TrainingOptions, support: PreparedRows, prompts: PreparedRows) {
        self.options = options
        self.support = support
        self.prompts = prompts
        batches = max(1, (support.rows + options.batchRows - 1) / max(1, options.batchRows))
        // Not the stream that the weights are drawn from.
        generator = SplitMix64(seed: options.seed ^ 0x7465_7874_6173_696D)
    }

    /// For each update the image rows and the text rows, with their weights in the loss.
    package mutating func nextEpoch() -> [[TrainingBatch<Float>]] {
        var order = Array(0..<support.rows)
        var promptOrder = Array(0..<prompts.rows)
        if batches > 1 {
            generator.shuffle(&order)
            generator.shuffle(&promptOrder)
        }
        return (0..<batches).map { index in
            let rows = Array(order[slice(index, of: support.rows)])
            let texts = options.textWeight > 0 ? Array(promptOrder[slice(index, of: prompts.rows)]) : []
            let penalty = Float(options.penalty / Double(max(1, rows.count + texts.count)))
            var result = [batch(support.selecting(rows), weight: 1, penalty: penalty)]
            if !texts.isEmpty {
                var text = batch(prompts.selecting(texts), weight: options.textWeight, penalty: penalty)
                addNoise(&text.start)
                result.append(text)
            }
            return result
        }
    }

    /// Slice `index` of `batches` nearly equal ones.
    private func slice(_ index: Int, of rows: Int) -> Range<Int> {
        index * rows / batches..<(index + 1) * rows / batches
    }

    private func batch(_ rows: PreparedRows, weight: Double, penalty: Float) -> TrainingBatch<Float> {
        TrainingBatch(
            start: rows.start, velocity: rows.velocity, labels: rows.labels,
            weights: [Float](repeating: Float(weight / Double(max(1, rows.rows))), count: rows.rows),
            penalties: [Float](repeating: penalty, count: rows.rows))
    }

    /// Gaussian noise of expected length `textNoise`, and back to length 1.
    private mutating func addNoise(_ start: inout [Float]) {
        guard options.textNoise > 0 else { return }
        let d = support.dimension
        let size = options.textNoise / Double(d).squareRoot()
        for row in 0..<start.count / d {
            var square = 0.0
            for i in row * d..<(row + 1) * d {
                start[i] += Float(size * generator.gaussian())
                square += Double(start[i]) * Double(start[i])
            }
            let factor = Float(1 / max(square.squareRoot(), .leastNormalMagnitude))
            for i in row * d..<(row + 1) * d { start[i] *= factor }
        }
    }
}
