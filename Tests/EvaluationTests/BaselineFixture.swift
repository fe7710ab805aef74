import EmbeddingSets
import Evaluation
import Foundation
import Testing
import Training

/// What NumPy, SciPy and scikit-learn say about baselines; `Fixtures/baselines.py` made it.
struct BaselineFixture: Decodable {
    struct Outcome: Decodable {
        let settings: [String: Double]
        let temperature: Double
        let accuracy: Double
        let macroF1: Double
        let nll: Double
        /// Of the first test rows, at the settings.
        let logits: [[Double]]
    }

    struct Rows: Decodable {
        let dimension: Int
        let embeddings: [Float]
        let labels: [Int32]
    }

    /// On the sets that travel with the product, by baseline.
    let debianSections: [String: Outcome]
    /// On the sets below.
    let synthetic: [String: Outcome]
    /// By name. Class 2 has one support row and class 3 none.
    let syntheticSets: [String: Rows]

    static func load() throws -> BaselineFixture {
        let url = try #require(
            Bundle.module.url(forResource: "baselines", withExtension: "json", subdirectory: "Fixtures"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(BaselineFixture.self, from: Data(contentsOf: url))
    }

    func syntheticSet(_ name: String) throws -> EmbeddingSet {
        let rows = try #require(syntheticSets[name])
        var set = EmbeddingSet(dimension: rows.dimension, embeddings: rows.embeddings)
        set.labels = rows.labels
        set.classes = ["a", "b", "c", "d", "e"]
        return set
    }

    /// A set that travels with the product.
    static func debianSections(_ name: String) throws -> EmbeddingSet {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        return try EmbeddingSet.read(
            path: root.appending(path: "Sources/sono/Resources/debian-sections/\(name).safetensors.zst").path)
    }
}
