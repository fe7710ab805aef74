import Dynamics
import Failures
import Refinement

extension Trainer {
    /// The trials that the options ask for, by gradients through the solver's steps.
    func trainByGradients(
        _ task: TrainingTask, _ options: TrainingOptions, progress: (TrainingProgress) -> Void
    ) throws -> TrainingCandidate {
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
        return TrainingCandidate(
            model: model, trials: trials, chosen: chosen, isZeroShot: isZeroShot, selection: plan.selection,
            zeroShot: plan.judge.map { outcomes[0].run.zeroShot($0) }, score: score)
    }
}
