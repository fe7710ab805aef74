import Dynamics
import EmbeddingSets
import Foundation
import Refinement
import Training

/// How much each setting of the equation matters: models trained by gradients with one setting changed at a time, each
/// judged with the solver and steps it was trained with.
///
/// No other setting is searched, so that nothing makes up for the change.
public struct Sensitivity: Sendable {
    public var solver: Solver
    public var steps: Int
    public var seed: UInt64 = 1
    public var threads: Int?
    /// Written into the manifests.
    public var toolVersion: String

    public init(solver: Solver, steps: Int, toolVersion: String) {
        self.solver = solver
        self.steps = steps
        self.toolVersion = toolVersion
    }

    /// One training with its judgement. Shares are 0 to 1.
    public struct Trial: Sendable, Codable, Equatable {
        /// What was changed: nil for the recipe itself.
        public var setting: String?
        public var value: String
        public var solver: String
        public var steps: Int
        public var accuracy: Double
        public var macroF1: Double
        /// `|accuracy(n) - accuracy(4n)|`
        public var consistencyGap: Double
        /// On the rows that chose, of the validation set or left out of the support set; nil without any.
        public var validationAccuracy: Double?
        /// Nothing beat the zero-shot start on the rows that chose, so that is what was judged.
        public var isZeroShot: Bool
        public var seconds: Double
    }

    public struct Report: Sendable, Codable {
        public var machine: Machine
        public var date: String
        /// Labelled rows that were judged on, and rows trained on.
        public var rows: Int
        public var supportRows: Int
        /// The recipe first, then its changes.
        public var trials: [Trial]
    }

    /// - Parameters:
    ///   - set: labelled rows to judge on; they choose nothing.
    ///   - progress: called before each training with the number of it and of all.
    /// - Throws: as `Trainer` and `Evaluator` do.
    public func run(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows?, on set: EmbeddingSet,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Report {
        let changes = self.changes
        let trials = try changes.enumerated().map { index, change in
            progress(index, changes.count)
            let start = ContinuousClock.now
            let trained = try Trainer(options: change.options, toolVersion: toolVersion)
                .train(support: support, prompts: prompts, validation: validation)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let report = try judge(trained.model, on: set)
            let finer = try judge(trained.model, steps: 4 * change.options.steps, on: set)
            return Trial(
                setting: change.setting, value: change.value, solver: change.options.solver.rawValue,
                steps: change.options.steps, accuracy: report.accuracy, macroF1: report.macroF1,
                consistencyGap: abs(report.accuracy - finer.accuracy),
                validationAccuracy: trained.validation?.accuracy, isZeroShot: trained.isZeroShot, seconds: seconds)
        }
        return Report(
            machine: .current, date: Date().formatted(.iso8601), rows: (set.labels ?? []).count { $0 >= 0 },
            supportRows: support.labels.count { $0 >= 0 }, trials: trials)
    }

    private typealias Change = (setting: String?, value: String, options: TrainingOptions)

    /// The recipe, and each setting at half and at double; the initial velocity learned or zero.
    private var changes: [Change] {
        let base = recipe(steps: steps)
        func changed(_ setting: String, _ value: Double, _ change: (inout TrainingOptions) -> Void) -> Change {
            var options = base
            change(&options)
            return (setting, String(format: "%g", value), options)
        }
        let halved = steps.isMultiple(of: 2) ? [steps / 2] : []
        let factors = [0.5, 2]
        var changes: [Change] = [(nil, "", base)]
        changes += factors.map { f in changed("horizon", f * base.horizon) { $0.horizon *= f } }
        changes += (halved + [2 * steps]).map { ("steps", "\($0)", recipe(steps: $0)) }
        changes += factors.map { f in changed("mix", f * base.mix) { $0.mix *= f } }
        changes += factors.map { f in changed("penalty", f * base.penalty) { $0.penalty *= f } }
        var atRest = base
        atRest.velocityHidden = 0
        return changes + [("initial velocity", "zero", atRest)]
    }

    private func recipe(steps: Int) -> TrainingOptions {
        var options = TrainingOptions(solver: solver, steps: steps)
        options.search = false
        options.seed = seed
        options.threads = threads
        return options
    }

    private func judge(_ model: Model<Float>, steps: Int? = nil, on set: EmbeddingSet) throws -> EvaluationReport {
        let refiner = try model.configuration.order > 0 ? Refiner(model: model, steps: steps) : Refiner(model: model)
        return try Evaluator(refiner: refiner, threads: threads).evaluate(set)
    }
}
