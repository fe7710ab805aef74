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
    let zeroShot: ValidationScore?
    let score: ValidationScore?
    var warnings: [String] = []

    /// The likelier of two on the rows to choose by, with the trials of both.
    func better(of other: TrainingCandidate) -> TrainingCandidate {
        let isOther = !other.isZeroShot && (other.score?.nll ?? .infinity) < (score?.nll ?? .infinity)
        var best = isOther ? other : self
        best.trials = trials + other.trials
        best.search = search + other.search
        if isOther { best.chosen += trials.count }
        return best
    }
}
