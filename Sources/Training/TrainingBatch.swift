import Dynamics
import Refinement

/// Rows with what each of them weighs in the loss
///
///     L = Σ_r weight[r] · CE(logits[r], label[r]) + Σ_r penalty[r] · |x(T)[r] - x0[r] - displacement[r]|²
package struct TrainingBatch<S: KernelScalar>: Sendable {
    /// `x0`: unit rows, `[n, D]`.
    package var start: [S]
    /// `[n, D]`; replaces the velocity network.
    package var velocity: [S]?
    /// Class of each row; a row with -1 has no cross-entropy.
    package var labels: [Int32]
    package var weights: [S]
    package var penalties: [S]
    /// Where rows should go from `x0`, `[n, D]`; nil: nowhere.
    package var displacements: [S]?
    /// Probabilities instead of labels, `[n, C]`; the cross-entropy is then `-Σ_c target[r][c] log p[r][c]`.
    package var targets: [S]?

    package var rows: Int { labels.count }

    package init(
        start: [S], velocity: [S]? = nil, labels: [Int32], weights: [S], penalties: [S], displacements: [S]? = nil,
        targets: [S]? = nil
    ) {
        self.start = start
        self.velocity = velocity
        self.labels = labels
        self.weights = weights
        self.penalties = penalties
        self.displacements = displacements
        self.targets = targets
    }
}

/// What a batch costs, and how many of its rows are classified rightly.
package struct BatchLoss: Sendable, Equatable {
    package var crossEntropy = 0.0
    package var penalty = 0.0
    package var right = 0
    package var labelled = 0

    package var total: Double { crossEntropy + penalty }

    static func += (left: inout BatchLoss, right: BatchLoss) {
        left.crossEntropy += right.crossEntropy
        left.penalty += right.penalty
        left.right += right.right
        left.labelled += right.labelled
    }
}
