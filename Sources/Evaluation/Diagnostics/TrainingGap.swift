import Foundation

/// How much better a model does on what it was trained on than on what it was chosen by: the manifest's own account.
public struct TrainingGap: Sendable, Codable, Equatable {
    /// Accuracy on the support rows, 0 to 1.
    public var support: Double
    /// Accuracy on the rows that chose, 0 to 1.
    public var validation: Double

    public var difference: Double { support - validation }

    /// - Parameter manifest: the model's `training`; trials that no rows chose have no gap.
    /// - Returns: nil where the manifest does not say.
    public init?(manifest: String?) {
        struct Manifest: Decodable {
            struct Score: Decodable { let accuracy: Double }
            struct Trial: Decodable {
                let supportAccuracy: Double
                let validation: Score?

                enum CodingKeys: String, CodingKey {
                    case supportAccuracy = "support_accuracy"
                    case validation
                }
            }
            let trials: [Trial]
            let chosen: Int?
            let score: Score?
            /// Of a student, whose manifest is the teacher's: the scores there are not its own.
            let distilled: Distilled?

            struct Distilled: Decodable {}
        }
        guard let manifest, let read = try? JSONDecoder().decode(Manifest.self, from: Data(manifest.utf8)),
            read.distilled == nil, let chosen = read.chosen, read.trials.indices.contains(chosen)
        else { return nil }
        // A run over all rows that follows the choice has no score of its own: the choice's stands for it.
        guard let score = read.trials[chosen].validation ?? read.score else { return nil }
        (support, validation) = (read.trials[chosen].supportAccuracy, score.accuracy)
    }
}
