import Foundation
import Testing

/// Rows and what scikit-learn says about them; `Fixtures/make.py` made it.
struct MetricsFixture: Decodable {
    let classes: Int
    let labels: [Int]
    let predicted: [Int]
    let confidence: [Double]
    let labelProbability: [Double]
    let accuracy: Double
    let macroF1: Double
    let balancedAccuracy: Double
    let ece: Double
    let nll: Double
    let precision: [Double]
    let recall: [Double]
    let f1: [Double]
    let support: [Int]
    let confusion: [[Int]]

    static func load() throws -> MetricsFixture {
        let url = try #require(
            Bundle.module.url(forResource: "metrics", withExtension: "json", subdirectory: "Fixtures"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(MetricsFixture.self, from: Data(contentsOf: url))
    }
}
