import Failures
import Foundation

/// How a model came to be, as JSON in the model file. It holds no times and no paths: the same run gives the same bytes.
struct TrainingManifest: Codable {
    /// A set that was used.
    struct Source: Codable {
        let sha256: String?
        /// Rows used.
        let rows: Int
        let unlabelled: Int
        /// Rows with numbers that are not finite, or all zero.
        let unusable: Int

        init(_ rows: PreparedRows) {
            sha256 = rows.sha256
            self.rows = rows.rows
            unlabelled = rows.unlabelled
            unusable = rows.unusable
        }
    }

    var schema = "sono-training/1"
    let tool: String
    let seed: UInt64
    let shots: Int?
    let drawSeed: UInt64?
    let support: Source
    let prompts: Source
    let validation: Source?
    let selection: TrainedModel.Selection
    let options: TrainingOptions
    /// Id of the model that training could start from.
    let source: String?
    let trials: [TrainingTrial]
    /// Every setting that the closed form was tried with.
    let search: [SearchPoint]?
    /// Index into `trials` of the one that was kept; nil if the model is the untrained one.
    let chosen: Int?
    let zeroShot: ValidationScore?
    /// The chosen model on the rows it was chosen by.
    let score: ValidationScore?
    let isZeroShot: Bool
    let warnings: [String]

    enum CodingKeys: String, CodingKey {
        case schema, tool, seed, shots, support, prompts, validation, selection, options, source, trials, search
        case chosen, score, warnings
        case drawSeed = "draw_seed"
        case zeroShot = "zero_shot"
        case isZeroShot = "is_zero_shot"
    }
}

/// JSON with sorted keys: the same value gives the same text.
func stableJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
        throw Failure(
            .internal, "the training manifest cannot be written as JSON: please report this.", cause: "\(error)")
    }
}
