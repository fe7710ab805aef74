import Dynamics
import Foundation
import Refinement
import Training

/// Trains a model for each hidden width by one recipe, on the same rows, to be swept together.
public struct WidthTraining: Sendable {
    public var widths: [Int]
    /// Everything but the width; its solver and steps are what all are trained with.
    public var options: TrainingOptions
    /// Written into the manifests.
    public var toolVersion: String

    public init(widths: [Int], options: TrainingOptions, toolVersion: String) {
        self.widths = widths
        self.options = options
        self.toolVersion = toolVersion
    }

    /// What training one of the models came to.
    public struct Outcome: Sendable, Codable, Equatable {
        /// The width asked for; training may find that no field pays and keep a model without one.
        public var width: Int
        public var seconds: Double
        /// On the rows that chose, of the validation set or left out of the support set, 0 to 1; nil without any.
        public var validationAccuracy: Double?
        /// Nothing beat the zero-shot start on the rows that chose, so that is what is swept.
        public var isZeroShot: Bool

        public init(width: Int, seconds: Double, validationAccuracy: Double?, isZeroShot: Bool) {
            self.width = width
            self.seconds = seconds
            self.validationAccuracy = validationAccuracy
            self.isZeroShot = isZeroShot
        }
    }

    /// - Parameter progress: called before each training with the number of it and of all.
    /// - Throws: as `Trainer` does.
    public func run(
        support: TrainingRows, prompts: TrainingRows, validation: TrainingRows?,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> (models: [Model<Float>], outcomes: [Outcome]) {
        var (models, outcomes): ([Model<Float>], [Outcome]) = ([], [])
        for (index, width) in widths.enumerated() {
            progress(index, widths.count)
            var own = options
            own.setWidth(width)
            let start = ContinuousClock.now
            let trained = try Trainer(options: own, toolVersion: toolVersion)
                .train(support: support, prompts: prompts, validation: validation)
            models.append(trained.model)
            outcomes.append(
                Outcome(
                    width: width, seconds: (ContinuousClock.now - start) / .seconds(1),
                    validationAccuracy: trained.validation?.accuracy, isZeroShot: trained.isZeroShot))
        }
        return (models, outcomes)
    }
}
