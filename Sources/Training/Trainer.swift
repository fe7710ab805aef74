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
        let isSupplied = support.velocity != nil || validation?.velocity != nil
        guard let budget = options.budget, !isSupplied else {
            return try trainByGradients(task, options, draw: draw, isSupplied: isSupplied, progress: progress)
        }
        let fitted = try fitInClosedForm(task, draw: draw, progress: progress)
        guard budget == .thorough, let score = fitted.validation else { return fitted }
        let trained = try trainByGradients(
            task, options.byGradients, draw: draw, isSupplied: false, earlier: fitted.trials, progress: progress)
        let isBetter = !trained.isZeroShot && trained.validation.map { $0.nll < score.nll } ?? false
        return isBetter ? trained : fitted
    }

    /// The closed form, see `CrossFit`; the zero-shot start where that is better on the rows to choose by.
    private func fitInClosedForm(
        _ task: TrainingTask, draw: FewShotDraw?, progress: (TrainingProgress) -> Void
    ) throws -> TrainedModel {
        var fit = CrossFit(task, options: options)
        fit.run { step in
            progress(TrainingProgress(trial: 1, trials: 1, epoch: step, of: 3, loss: 0, accuracy: 0))
        }
        var model = try fit.model(task)
        var warnings = task.warnings
        let selection: TrainedModel.Selection =
            task.validation != nil ? .validation : fit.canChoose ? .crossFit : TrainedModel.Selection.none
        let untrained = try task.untrained(options)
        func score(_ model: Model<Float>, _ rows: PreparedRows) -> ValidationScore {
            let engine = GradientEngine(model, threads: options.threads)
            let logits = engine.forward(model.parameters, start: rows.start).logits
            return Calibration.score(logits: logits, labels: rows.labels, classes: task.classes.count)
        }
        let own = task.validation.map { score(model, $0) } ?? (fit.canChoose ? fit.score() : nil)
        let zeroShot = fit.canChoose ? score(untrained, task.validation ?? task.support) : nil
        var isZeroShot = false
        if let own, let zeroShot, own.accuracy < zeroShot.accuracy {
            isZeroShot = true
            model = untrained
            model.configuration.temperature = zeroShot.temperature
            warnings.append("training did not beat the zero-shot model on the rows to choose by: that model is kept.")
        } else if options.order > 0, !fit.moves {
            warnings.append(
                "moving the embeddings did not pay on the rows to choose by: the model is of order 0, "
                    + "a classifier alone.")
        }
        let judged = isZeroShot ? zeroShot : own
        if judged == nil {
            warnings.append("the scores are not calibrated: there are no rows to calibrate them on; give --validation.")
        }
        let trial = TrainingTrial(
            name: "closed form", options: options, epoch: 0, loss: nil,
            supportAccuracy: score(model, task.support).accuracy, validation: judged)
        return try finished(
            task, model: model, trials: [trial], chosen: 0, isZeroShot: isZeroShot, selection: selection,
            zeroShot: zeroShot, score: judged, draw: draw, search: fit.search, warnings: warnings)
    }

    private func trainByGradients(
        _ task: TrainingTask, _ options: TrainingOptions, draw: FewShotDraw?, isSupplied: Bool,
        earlier: [TrainingTrial] = [], progress: (TrainingProgress) -> Void
    ) throws -> TrainedModel {
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
        if let warning = model.configuration.velocityWarning(isSupplied: isSupplied) { warnings.append(warning) }
        if isZeroShot {
            warnings.append("training did not beat the zero-shot model on the rows to choose by: that model is kept.")
        }
        if score == nil {
            warnings.append("the scores are not calibrated: there are no rows to calibrate them on; give --validation.")
        }
        return try finished(
            task, model: model, trials: earlier + trials, chosen: earlier.count + chosen, isZeroShot: isZeroShot,
            selection: plan.selection, zeroShot: plan.judge.map { outcomes[0].run.zeroShot($0) }, score: score,
            draw: draw, search: nil, warnings: warnings)
    }

    /// Writes manifest and reference statistics into a model.
    private func finished(
        _ task: TrainingTask, model: Model<Float>, trials: [TrainingTrial], chosen: Int, isZeroShot: Bool,
        selection: TrainedModel.Selection, zeroShot: ValidationScore?, score: ValidationScore?, draw: FewShotDraw?,
        search: [SearchPoint]?, warnings: [String]
    ) throws -> TrainedModel {
        let manifest = TrainingManifest(
            tool: toolVersion, seed: options.seed, shots: draw?.shots, drawSeed: draw?.seed,
            support: .init(task.support), prompts: .init(task.prompts), validation: task.validation.map { .init($0) },
            selection: selection, options: options, trials: trials, search: search,
            chosen: isZeroShot ? nil : chosen, zeroShot: zeroShot, score: score, isZeroShot: isZeroShot,
            warnings: warnings)
        let text = try stableJSON(manifest)
        var model = model
        model.training = text
        model.reference = try stableJSON(ReferenceStatistics(task.support, classes: model.classes.count))
        return TrainedModel(
            model: model, manifest: text, trials: trials, chosen: trials[chosen], isZeroShot: isZeroShot,
            selection: selection, validation: score, warnings: warnings)
    }
}
