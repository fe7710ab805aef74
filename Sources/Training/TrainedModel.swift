import Dynamics
import Refinement

/// What training gives back.
public struct TrainedModel: Sendable {
    /// With `training` (the manifest) and `reference` filled in: ready for `ModelFile.save`.
    public let model: Model<Float>
    /// The manifest as JSON, the same text as `model.training`.
    public let manifest: String
    /// Every trial, in the order they were run.
    public let trials: [TrainingTrial]
    /// Every setting that the closed form was tried with; empty without one.
    public let search: [SearchPoint]
    /// The trial that `model` came out of.
    public let chosen: TrainingTrial
    /// Whether no trial was better than the zero-shot model on the rows to choose by, so that `model` is the untrained one.
    public let isZeroShot: Bool
    /// What the epoch, the trial and the temperature were chosen by.
    public let selection: Selection
    /// The score that the choice was made by. With rows left out of the support it is that of a run that did not see
    /// them, while `model` was trained on all rows afterwards. Nil without rows to choose by.
    public let validation: ValidationScore?
    /// Things the user should know: skipped rows, classes without rows, an uncalibrated temperature.
    public let warnings: [String]

    /// What the epoch, the trial and the temperature were chosen by.
    public enum Selection: String, Codable, Sendable {
        case validation
        /// A quarter of the support rows, left out of a first run.
        case leftOut = "left_out"
        /// Each support row by fits that have not seen it.
        case crossFit = "cross_fit"
        case none
    }
}

/// How a model does on rows it was not trained on.
public struct ValidationScore: Sendable, Codable, Equatable {
    public let rows: Int
    /// 0 to 1.
    public let accuracy: Double
    /// Mean negative log-likelihood in nats, at the best temperature for these rows.
    public let nll: Double
    /// The temperature at which the likelihood is greatest.
    public let temperature: Double
}

/// One training run with its outcome.
public struct TrainingTrial: Sendable, Codable {
    public let name: String
    public let options: TrainingOptions
    /// The epoch whose weights were kept; 0 is the untrained model.
    public let epoch: Int
    /// The training loss over that epoch; nil for epoch 0.
    public let loss: Double?
    /// Share of the support rows that are classified rightly with those weights.
    public let supportAccuracy: Double
    public let validation: ValidationScore?

    enum CodingKeys: String, CodingKey {
        case name, options, epoch, loss, validation
        case supportAccuracy = "support_accuracy"
    }
}
