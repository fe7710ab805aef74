import Refinement

/// Which rows are trained on first, and which judge.
package struct SelectionPlan {
    package let selection: TrainedModel.Selection
    package let support: PreparedRows
    package let judge: PreparedRows?
    /// Whether a last run over all support rows follows.
    package var retrains: Bool { selection == .leftOut }

    package init(_ task: TrainingTask, seed: UInt64) {
        var generator = SplitMix64(seed: seed ^ 0x6C65_6674_206F_7574)
        if let validation = task.validation {
            (selection, support, judge) = (.validation, task.support, validation)
        } else if let split = task.support.leavingOut(&generator) {
            (selection, support, judge) = (.leftOut, split.kept, split.leftOut)
        } else {
            (selection, support, judge) = (.none, task.support, nil)
        }
    }
}
