import Failures
import Refinement

/// Trains a model on labelled support rows and prompt rows, in closed form (`CrossFit`) or by gradients (`TrainingRun`), as
/// the options' budget asks.
///
/// In closed form everything is chosen by the likelihood of the validation rows and of each fold of the support by fits
/// without it. By gradients the trials are run one after another, each keeping its best epoch, and the best of them is kept;
/// they are judged by the validation rows, or, without any, by a quarter of the support rows that a first run leaves out.
/// Where nothing beats the zero-shot model on the rows to choose by, that is kept. With one row a class and no validation
/// rows nothing can be chosen.
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
    ///   - source: a model of the same encoder, of any classes. A head over what it learned is fitted as well, and kept if
    ///     it is likelier on the rows to choose by than training without it.
    ///   - draw: how the support rows were drawn, for the manifest.
    ///   - progress: called after every step or epoch, on the calling thread.
    /// - Throws: `no_rows`, `no_labels`, `classes_mismatch`, `dimension_mismatch`, `encoder_mismatch`,
    ///   `invalid_argument`.
    public func train(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows? = nil, from source: LoadedModel? = nil,
        draw: FewShotDraw? = nil, progress: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainedModel {
        try options.check()
        let task = try TrainingTask(support: support, prompts: prompts, validation: validation)
        // The closed form has no place for a velocity that comes with the rows.
        let isSupplied = support.velocity != nil || validation?.velocity != nil
        guard source == nil || !isSupplied else {
            throw Failure(
                .invalidArgument,
                "rows that bring a velocity of their own cannot start from another model: leave out the tensor velocity."
            )
        }
        let transfer = try source.map { try Transfer(from: $0, task, options: options) }
        var best: TrainingCandidate
        if let budget = options.budget, !isSupplied {
            best = try fitInClosedForm(task, progress: progress)
            if budget == .thorough, best.score != nil {
                best.takeBetter(of: try trainByGradients(task, options.byGradients, progress: progress))
            }
        } else {
            best = try trainByGradients(task, options, progress: progress)
        }
        if let source, let transfer, !best.takeBetter(of: try transfer.fitHead(progress: progress)) {
            best.warnings.append(
                best.score == nil
                    ? "whether what model \(source.id) learned pays cannot be told, as there are no rows to choose by: "
                        + "fitted anew; give --validation."
                    : "what model \(source.id) learned did not pay on the rows to choose by: fitted anew.")
        }
        if let warning = best.model.configuration.velocityWarning(isSupplied: isSupplied) {
            best.warnings.append(warning)
        }
        if best.isZeroShot {
            best.warnings.append(
                "training did not beat the zero-shot model on the rows to choose by: that model is kept.")
        }
        if best.score == nil {
            best.warnings.append(
                "the scores are not calibrated: there are no rows to calibrate them on; give --validation.")
        }
        return try finished(best, task, source: source, draw: draw)
    }

    /// Writes manifest and reference statistics into the model.
    private func finished(
        _ candidate: TrainingCandidate, _ task: TrainingTask, source: LoadedModel?, draw: FewShotDraw?
    ) throws -> TrainedModel {
        let warnings = task.warnings + candidate.warnings
        let manifest = TrainingManifest(
            tool: toolVersion, seed: options.seed, shots: draw?.shots, drawSeed: draw?.seed,
            support: .init(task.support), prompts: .init(task.prompts), validation: task.validation.map { .init($0) },
            selection: candidate.selection, options: options, source: source?.id, trials: candidate.trials,
            search: candidate.search.isEmpty ? nil : candidate.search,
            chosen: candidate.isZeroShot ? nil : candidate.chosen, zeroShot: candidate.zeroShot,
            score: candidate.score, isZeroShot: candidate.isZeroShot, warnings: warnings)
        let text = try stableJSON(manifest)
        var model = candidate.model
        model.training = text
        model.reference = try stableJSON(ReferenceStatistics(task.support, classes: model.classes.count))
        return TrainedModel(
            model: model, manifest: text, trials: candidate.trials, search: candidate.search,
            chosen: candidate.trials[candidate.chosen], isZeroShot: candidate.isZeroShot,
            selection: candidate.selection, validation: candidate.score, warnings: warnings)
    }
}
