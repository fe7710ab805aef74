import Refinement

extension Trainer {
    /// The closed form, see `CrossFit`; the zero-shot start where that is righter on the rows to choose by.
    func fitInClosedForm(_ task: TrainingTask, progress: (TrainingProgress) -> Void) throws -> TrainingCandidate {
        var fit = CrossFit(task, options: options)
        fit.run { step in
            progress(TrainingProgress(trial: 1, trials: 1, epoch: step, of: 3, loss: 0, accuracy: 0))
        }
        func score(_ model: Model<Float>, _ rows: PreparedRows) -> ValidationScore {
            let logits = GradientEngine(model, threads: options.threads)
                .forward(model.parameters, start: rows.start).logits
            return Calibration.score(logits: logits, labels: rows.labels, classes: task.classes.count)
        }
        var model = try fit.model(task)
        var untrained = try task.untrained(options)
        let own = task.validation.map { score(model, $0) } ?? (fit.canChoose ? fit.score() : nil)
        let zeroShot = fit.canChoose ? score(untrained, task.validation ?? task.support) : nil
        var (isZeroShot, warnings) = (false, [String]())
        if let own, let zeroShot, own.accuracy < zeroShot.accuracy {
            isZeroShot = true
            untrained.configuration.temperature = zeroShot.temperature
            model = untrained
        } else if options.order > 0, fit.canChoose, !fit.moves {
            warnings.append(
                "moving the embeddings did not pay on the rows to choose by: the model is of order 0, "
                    + "a classifier alone.")
        }
        let trial = TrainingTrial(
            name: "closed form", options: options, epoch: 0, loss: nil,
            supportAccuracy: score(model, task.support).accuracy, validation: isZeroShot ? zeroShot : own)
        return TrainingCandidate(
            model: model, trials: [trial], search: fit.search, chosen: 0, isZeroShot: isZeroShot,
            selection: task.validation != nil ? .validation : fit.canChoose ? .crossFit : .none, zeroShot: zeroShot,
            score: isZeroShot ? zeroShot : own, warnings: warnings)
    }
}
