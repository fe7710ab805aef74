import Dynamics
import Failures
import Refinement

/// Trains a model on labelled support rows and prompt rows.
public struct Trainer: Sendable {
    public let options: TrainingOptions
    /// Written into the manifest.
    public let toolVersion: String

    public init(options: TrainingOptions = TrainingOptions(), toolVersion: String) {
        self.options = options
        self.toolVersion = toolVersion
    }

    /// - Parameters:
    ///   - support: labelled rows; unlabelled ones are skipped.
    ///   - prompts: text embeddings, at least one of every class; their classes are the model's.
    ///   - validation: rows to choose the epoch and the temperature by.
    ///   - draw: how the support rows were drawn, for the manifest.
    ///   - progress: called after every epoch, on the calling thread.
    /// - Throws: `no_rows`, `no_labels`, `classes_mismatch`, `dimension_mismatch`, `encoder_mismatch`,
    ///   `invalid_argument`.
    public func train(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows? = nil, draw: FewShotDraw? = nil,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainedModel {
        throw Failure(.internal, "not built yet")
    }
}
