import Dynamics
import Foundation
import Refinement

/// A model as `inspect` shows it.
struct ModelDescription: Encodable {
    private let kind = "model"
    private let modelID: String
    private let sha256: String
    private let fileBytes: Int
    private let order: Int
    private let activation: String
    private let solver: String
    private let steps: Int
    private let horizon: Double
    private let mix: Double
    private let temperature: Double
    private let classifier: String
    private let logitScale: Double
    private let dimension: Int
    private let hidden: Int
    private let velocityHidden: Int
    private let damping: Double
    private let hasPrior: Bool
    private let encoder: String?
    private let evaluations: Int
    private let classes: [String]
    private let warnings: [String]
    /// The training manifest, as the file holds it.
    private let training: String?

    init(_ loaded: LoadedModel) {
        let model = loaded.model
        let configuration = model.configuration
        modelID = loaded.id
        sha256 = loaded.sha256
        fileBytes = loaded.bytes
        order = configuration.order
        activation = configuration.activation.rawValue
        solver = configuration.solver.rawValue
        steps = configuration.steps
        horizon = configuration.horizon
        mix = configuration.mix
        temperature = configuration.temperature
        classifier = configuration.classifier.rawValue
        logitScale = configuration.logitScale
        dimension = configuration.dimension
        hidden = configuration.hidden
        velocityHidden = model.velocity?.hidden ?? 0
        damping = Double(model.field.damping)
        hasPrior = model.prior != nil
        encoder = configuration.encoder
        evaluations = configuration.evaluations
        classes = model.classes
        warnings = loaded.warnings
        training = model.training
    }

    var text: String {
        listing([
            ("model", modelID),
            ("order", String(order)),
            ("field", order == 0 ? nil : "D = \(dimension), H = \(hidden), \(activation), damping \(damping)"),
            ("velocity", order < 2 ? nil : velocityHidden == 0 ? "from rest" : "network, G = \(velocityHidden)"),
            (
                "solved by",
                order == 0 ? nil : "\(solver), steps \(steps), horizon \(horizon), \(evaluations) evaluations a row"
            ),
            ("mix", String(mix)),
            (
                "classifier",
                "\(classifier), scale \(logitScale), temperature \(temperature)\(hasPrior ? ", prior" : "")"
            ),
            (
                "classes",
                "\(classes.count): \(classes.prefix(5).joined(separator: ", "))\(classes.count > 5 ? ", ..." : "")"
            ),
            ("encoder", encoder ?? "not named"),
            ("trained", training == nil ? "no manifest" : "manifest in the file (--json shows it)"),
            ("file", Figures.bytes(fileBytes)),
            ("sha256", sha256),
        ])
    }
}
