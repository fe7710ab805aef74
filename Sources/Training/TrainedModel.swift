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
    /// Whether no trial was better than the zero-shot model on validation, so that `model` is the untrained one.
    public let isZeroShot: Bool
    /// The chosen model on the validation rows; nil without them.
    public let validation: ValidationScore?
    /// Things the user should know: skipped rows, classes without rows, an uncalibrated temperature.
    public let warnings: [String]
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
    /// Share of the support rows that are classified rightly after the last epoch.
    public let supportAccuracy: Double
    public let validation: ValidationScore?

    enum CodingKeys: String, CodingKey {
        case name, options, epoch, loss, validation
        case supportAccuracy = "support_accuracy"
    }
}
