import EmbeddingSets
import Failures
import Refinement
import Training

/// Fits baselines to one few-shot task and judges them, all under the rules that models are trained by: settings and
/// temperature are chosen by the likelihood of the validation rows, or, without any, of a quarter of the support rows that
/// a first fit leaves out; then all of them are fitted. Test rows come after everything is chosen.
public struct BaselineComparison: Sendable {
    /// Class names, `[C]`: those of the prompts.
    public let classes: [String]
    /// Things the user should know about the sets.
    public let warnings: [String]
    private let task: TrainingTask
    private let plan: SelectionPlan
    /// The sets as they came.
    private let sets: (support: TrainingRows, prompts: TrainingRows, validation: TrainingRows?)
    /// The recipe that the controls follow.
    private let options: TrainingOptions
    private var threads: Int? { options.threads }
    /// Rows that are answered at a time, as many as the evaluator of models takes.
    private static let chunkRows = 1_024

    /// - Parameters:
    ///   - support: labelled rows; unlabelled ones are skipped.
    ///   - prompts: text embeddings, at least one of every class; their classes are the baselines'.
    ///   - validation: rows to choose by.
    ///   - options: the recipe of the model that is compared: the controls follow it, and its seed draws the quarter that
    ///     is left out without validation rows. No result depends on its threads.
    /// - Throws: `no_rows`, `no_labels`, `classes_mismatch`, `dimension_mismatch`, `encoder_mismatch`.
    public init(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows? = nil,
        options: TrainingOptions = .standard
    ) throws {
        task = try TrainingTask(support: support, prompts: prompts, validation: validation)
        plan = SelectionPlan(task, seed: options.seed)
        classes = task.classes
        warnings = task.warnings
        self.options = options
        sets = (support, prompts, validation)
    }

    /// Chooses the settings of a baseline and fits it.
    ///
    /// - Throws: what training throws, for the controls.
    public func fit(_ baseline: Baseline) throws -> FittedBaseline {
        switch baseline {
        case .order0: try fitControl(baseline, order: 0)
        case .order1: try fitControl(baseline, order: 1)
        default: try fit(baseline, by: method(baseline))
        }
    }

    private func method(_ baseline: Baseline) throws -> BaselineMethod {
        guard let method = baseline.method(options) else {
            throw Failure(.internal, "\(baseline.rawValue) is fitted by training alone: please report this.")
        }
        return method
    }

    private func fit(_ baseline: Baseline, by method: BaselineMethod) throws -> FittedBaseline {
        let start = ContinuousClock.now
        var best: (settings: BaselineMethod.Settings, head: BaselineHead, score: ValidationScore)?
        if let judge = plan.judge {
            method.fit(problem(plan.support), method.grid) { settings, head in
                let factor = Float(1 / method.calibrationScale)
                let score = Calibration.score(
                    logits: head.logits(judge.start, threads: threads).map { factor * $0 }, labels: judge.labels,
                    classes: classes.count)
                if score.nll < best?.score.nll ?? .infinity { best = (settings, head, score) }
            }
        }
        let settings = best?.settings ?? method.usual
        let kept = plan.retrains ? nil : best?.head
        let head = try kept ?? fitted(method, settings, problem(task.support))
        return FittedBaseline(
            baseline: baseline, classes: classes, settings: settings, trials: plan.judge == nil ? 0 : method.grid.count,
            selection: plan.selection, validation: best?.score,
            temperature: best.map { $0.score.temperature * method.calibrationScale } ?? 1,
            seconds: (ContinuousClock.now - start) / .seconds(1), head: head)
    }

    /// Fits a baseline to all support rows with settings that somebody else chose; it has no temperature.
    package func fit(_ baseline: Baseline, settings: [String: Double]) throws -> FittedBaseline {
        let start = ContinuousClock.now
        let head = try fitted(method(baseline), settings, problem(task.support))
        return FittedBaseline(
            baseline: baseline, classes: classes, settings: settings, trials: 0, selection: .none, validation: nil,
            temperature: 1, seconds: (ContinuousClock.now - start) / .seconds(1), head: head)
    }

    private func fitted(
        _ method: BaselineMethod, _ settings: BaselineMethod.Settings, _ problem: FewShotProblem
    ) throws -> BaselineHead {
        var head: BaselineHead?
        method.fit(problem, [settings]) { head = $1 }
        guard let head else { throw Failure(.invalidArgument, "the settings \(settings) are none of the baseline's.") }
        return head
    }

    private func fitControl(_ baseline: Baseline, order: Int) throws -> FittedBaseline {
        let start = ContinuousClock.now
        let trainer = Trainer(
            options: options.control(order: order, dimension: task.prompts.dimension), toolVersion: baseline.rawValue)
        let trained = try trainer.train(support: sets.support, prompts: sets.prompts, validation: sets.validation)
        let head = try BaselineHead.model(trained.model)
        let chosen = trained.chosen
        var settings = ["epoch": Double(chosen.epoch), "logit_scale": chosen.options.logitScale]
        if order > 0 { settings["hidden"] = Double(chosen.options.hidden) }
        return FittedBaseline(
            baseline: baseline, classes: classes, settings: settings,
            trials: plan.judge == nil ? 0 : BaselineMethod.trials, selection: trained.selection,
            validation: trained.validation, temperature: trained.validation?.temperature ?? 1,
            seconds: (ContinuousClock.now - start) / .seconds(1), head: head)
    }

    private func problem(_ support: PreparedRows) -> FewShotProblem {
        FewShotProblem(support: support, prompts: task.prompts, classes: classes.count, threads: threads)
    }

    /// Fits each of the baselines once and judges it on every test set; for each set, the reports by name.
    ///
    /// - Throws: `no_labels`, `dimension_mismatch`.
    public func reports(_ baselines: [Baseline], on tests: [EmbeddingSet]) throws -> [[String: BaselineReport]] {
        var reports = [[String: BaselineReport]](repeating: [:], count: tests.count)
        for baseline in baselines {
            let fitted = try fit(baseline)
            for (index, test) in tests.enumerated() {
                reports[index][baseline.rawValue] = try judge(fitted, on: test)
            }
        }
        return reports
    }

    /// Counts every labelled row of a test set as `Evaluator` does: a row without an answer is wrong.
    ///
    /// - Throws: `no_labels`, `dimension_mismatch`.
    public func judge(_ fitted: FittedBaseline, on set: EmbeddingSet) throws -> BaselineReport {
        guard let labels = set.labels, let names = set.classes, labels.contains(where: { $0 >= 0 }) else {
            throw Failure(.noLabels, "the test set has no labels or class names: give it both.")
        }
        try set.checkCompatible(dimension: task.prompts.dimension, encoder: nil)
        let map = ClassMap(from: names, to: classes)
        let (c, d) = (classes.count, set.dimension)
        var tally = PredictionTally(classes: classes, temperature: fitted.temperature)
        let start = ContinuousClock.now
        for first in stride(from: 0, to: set.rows, by: Self.chunkRows) {
            let rows = first..<min(first + Self.chunkRows, set.rows)
            let logits = set.embeddings.withUnsafeBufferPointer { embeddings in
                fitted.head.logits(
                    UnsafeBufferPointer(rebasing: embeddings[rows.lowerBound * d..<rows.upperBound * d]),
                    threads: threads)
            }
            for (i, row) in rows.enumerated() where labels[row] >= 0 {
                let own = logits[i * c..<(i + 1) * c]
                if own.allSatisfy(\.isFinite) {
                    tally.add(label: map(labels[row]), logits: own)
                } else {
                    tally.addFailure(label: map(labels[row]))
                }
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return BaselineReport(tally, fitted, microsecondsPerRow: seconds / Double(set.rows) * 1e6)
    }
}
