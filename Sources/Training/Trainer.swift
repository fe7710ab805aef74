import Dynamics
import Failures
import Refinement

/// Trains a model on labelled support rows and prompt rows.
///
/// The trials are run one after another, each keeping its best epoch; the best of them by the likelihood of rows that were
/// not trained on is kept, if it beats the zero-shot model there. Those are the validation rows, or, without any, a
/// quarter of the support rows that a first run leaves out. With one row a class and no validation rows nothing can be
/// chosen, and the last epoch is kept.
public struct Trainer: Sendable {
    public let options: TrainingOptions
    /// Written into the manifest.
    public let toolVersion: String

    public init(options: TrainingOptions = .standard, toolVersion: String) {
        self.options = options
        self.toolVersion = toolVersion
    }

    /// Trains, deterministically: the same rows, options and seed give the same bytes for any number of threads.
    ///
    /// - Parameters:
    ///   - support: labelled rows; unlabelled ones are skipped.
    ///   - prompts: text embeddings, at least one of every class; their classes are the model's.
    ///   - validation: rows to choose the epoch, the trial and the temperature by.
    ///   - draw: how the support rows were drawn, for the manifest.
    ///   - progress: called after every epoch, on the calling thread.
    /// - Throws: `no_rows`, `no_labels`, `classes_mismatch`, `dimension_mismatch`, `encoder_mismatch`,
    ///   `invalid_argument`.
    public func train(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows? = nil, draw: FewShotDraw? = nil,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainedModel {
        try options.check()
        let task = try TrainingTask(support: support, prompts: prompts, validation: validation)
        let plan = SelectionPlan(task, seed: options.seed)
        let candidates = plan.judge == nil || !options.search ? [options] : [options, options.bolder]
        let runs = candidates.count + (plan.retrains ? 1 : 0)

        var outcomes: [(options: TrainingOptions, run: TrainingRun, outcome: TrainingRun.Outcome)] = []
        func train(_ options: TrainingOptions, on rows: PreparedRows, judge: PreparedRows?, lastEpoch: Int?) throws {
            let run = TrainingRun(
                options: options, untrained: try task.untrained(options), support: rows, prompts: task.prompts,
                validation: judge, lastEpoch: lastEpoch)
            let trial = outcomes.count + 1
            let outcome = try run.run { epoch, of, loss, accuracy in
                progress(
                    TrainingProgress(
                        trial: trial, trials: runs, epoch: epoch, of: of, loss: loss, accuracy: accuracy))
            }
            outcomes.append((options, run, outcome))
        }
        for candidate in candidates { try train(candidate, on: plan.support, judge: plan.judge, lastEpoch: nil) }

        var chosen = 0
        for index in outcomes.indices where outcomes[index].outcome.isBetter(than: outcomes[chosen].outcome) {
            chosen = index
        }
        let score = outcomes[chosen].outcome.validation
        let isZeroShot = plan.judge != nil && outcomes[chosen].outcome.epoch == 0
        if plan.retrains, !isZeroShot {
            let best = outcomes[chosen]
            try train(best.options, on: task.support, judge: nil, lastEpoch: best.outcome.epoch)
            chosen = outcomes.count - 1
        }

        let kept = outcomes[chosen]
        var model = kept.run.untrained
        model.setParameters(kept.outcome.parameters)
        if let score { model.configuration.temperature = score.temperature }
        let trials = outcomes.enumerated().map { index, it in
            TrainingTrial(
                name: index >= candidates.count ? "all rows" : index == 0 ? "as asked" : "bolder", options: it.options,
                epoch: it.outcome.epoch, loss: it.outcome.loss, supportAccuracy: it.outcome.supportAccuracy,
                validation: it.outcome.validation)
        }
        var warnings = task.warnings
        let isSupplied = support.velocity != nil || validation?.velocity != nil
        if let warning = model.configuration.velocityWarning(isSupplied: isSupplied) { warnings.append(warning) }
        if isZeroShot {
            warnings.append("training did not beat the zero-shot model on the rows to choose by: that model is kept.")
        }
        if score == nil {
            warnings.append("the scores are not calibrated: there are no rows to calibrate them on; give --validation.")
        }
        let manifest = TrainingManifest(
            tool: toolVersion, seed: options.seed, shots: draw?.shots, drawSeed: draw?.seed,
            support: .init(task.support), prompts: .init(task.prompts), validation: task.validation.map { .init($0) },
            selection: plan.selection, options: options, trials: trials, chosen: isZeroShot ? nil : chosen,
            zeroShot: plan.judge.map { outcomes[0].run.zeroShot($0) }, score: score, isZeroShot: isZeroShot,
            warnings: warnings)
        let text = try stableJSON(manifest)
        model.training = text
        model.reference = try stableJSON(ReferenceStatistics(task.support, classes: model.classes.count))
        return TrainedModel(
            model: model, manifest: text, trials: trials, chosen: trials[chosen], isZeroShot: isZeroShot,
            selection: plan.selection, validation: score, warnings: warnings)
    }
}
