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
    private let classes: Int
    /// Nothing beat the zero-shot start on validation, so that is what was saved.
    private let isZeroShot: Bool
    private let validation: ValidationScore?
    private let supportAccuracy: Double?
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
        evaluations = (try? Refiner(model: trained.model).evaluations) ?? 0
        classes = trained.model.classes.count
        isZeroShot = trained.isZeroShot
        validation = trained.validation
        supportAccuracy = trained.trials.last?.supportAccuracy
        trials = trained.trials
        warnings = trained.warnings
    }

    var text: String {
        listing([
            ("model", "\(output), \(Figures.bytes(modelBytes)), id \(modelID)"),
            (
                "solved by",
                order == 0
                    ? "order 0: nothing" : "order \(order), \(solver), steps \(steps), \(evaluations) evaluations a row"
            ),
            ("classes", String(classes)),
            ("support accuracy", supportAccuracy.map(Figures.percent)),
            (
                "validation",
                validation.map { "accuracy \(Figures.percent($0.accuracy)) on \(Figures.grouped($0.rows)) rows" }
            ),
            ("kept", isZeroShot ? "the zero-shot start: no trial was better on validation" : nil),
            ("took", Figures.duration(seconds)),
        ])
    }
}
