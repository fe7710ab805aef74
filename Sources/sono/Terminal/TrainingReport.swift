import Refinement
import Training

/// What `train` says when it is done.
struct TrainingReport: Encodable {
    private let output: String
    private let modelID: String
    private let modelBytes: Int
    private let order: Int
    private let solver: String
    private let steps: Int
    private let evaluations: Int
    /// What chose solver and steps; absent where the caller did.
    private let recipe: String?
    private let classes: Int
    /// Nothing beat the zero-shot start on the rows to choose by, so that is what was saved.
    private let isZeroShot: Bool
    private let selection: String
    /// On the validation rows; without any, of a first run on the rows that were left out of it.
    private let validation: ValidationScore?
    private let supportAccuracy: Double
    private let trials: [TrainingTrial]
    private let seconds: Double
    private let warnings: [String]

    init(_ trained: TrainedModel, model: LoadedModel, output: String, seconds: Double) {
        self.output = output
        self.seconds = seconds
        modelID = model.id
        modelBytes = model.bytes
        order = trained.model.configuration.order
        solver = trained.model.configuration.solver.rawValue
        steps = trained.model.configuration.steps
        evaluations = trained.model.configuration.evaluations
        classes = trained.model.classes.count
        recipe = trained.chosen.options.recipe
        isZeroShot = trained.isZeroShot
        selection = trained.selection.rawValue
        validation = trained.validation
        supportAccuracy = trained.chosen.supportAccuracy
        trials = trained.trials
        warnings = trained.warnings
    }

    var text: String {
        listing([
            ("model", "\(output), \(Figures.bytes(modelBytes)), id \(modelID)"),
            (
                "solved by",
                order == 0
                    ? "order 0: nothing"
                    : "order \(order), \(solver), steps \(steps)\(recipe.map { " (recipe \($0))" } ?? ""), "
                        + "\(evaluations) evaluations a row"
            ),
            ("classes", String(classes)),
            ("support accuracy", Figures.percent(supportAccuracy)),
            (
                selection == TrainedModel.Selection.leftOut.rawValue ? "left out of a first run" : "validation",
                validation.map { "accuracy \(Figures.percent($0.accuracy)) on \(Figures.grouped($0.rows)) rows" }
            ),
            ("kept", isZeroShot ? "the zero-shot start: no trial was better on the rows to choose by" : nil),
            ("took", Figures.duration(seconds)),
        ])
    }
}
