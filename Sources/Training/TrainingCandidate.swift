import Refinement

/// A model that one way of training came to, with what it was chosen by.
struct TrainingCandidate {
    var model: Model<Float>
    var trials: [TrainingTrial]
    var search: [SearchPoint] = []
    /// Index into `trials`.
    var chosen: Int
    let isZeroShot: Bool
    let selection: TrainedModel.Selection
    /// The untrained model on the rows to choose by.
    var zeroShot: ValidationScore?
    let score: ValidationScore?
    var warnings: [String] = []

    /// Keeps the likelier of two on the rows to choose by, with the trials of both; itself where there are no such rows.
    ///
    /// - Returns: whether `other` was kept.
    @discardableResult
    mutating func takeBetter(of other: TrainingCandidate) -> Bool {
        let isLikelier = score.map { (other.score?.nll ?? .infinity) < $0.nll } ?? false
        // Each is held against zero-shot on the very rows that it was scored on.
        let isOther = !other.isZeroShot && isLikelier && other.isRightEnough(for: other.zeroShot ?? zeroShot)
        var kept = isOther ? other : self
        kept.trials = trials + other.trials
        kept.search = search + other.search
        kept.zeroShot = kept.zeroShot ?? zeroShot
        if isOther { kept.chosen += trials.count }
        self = kept
        return isOther
    }

    /// Whether it is no less right than zero-shot on the rows to choose by.
    private func isRightEnough(for zeroShot: ValidationScore?) -> Bool {
        guard let score, let zeroShot else { return true }
        return score.accuracy >= zeroShot.accuracy
    }
}
