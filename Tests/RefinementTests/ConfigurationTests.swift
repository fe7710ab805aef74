import Dynamics
import Foundation
import Refinement
import Testing

@Suite("Model configuration")
struct ConfigurationTests {
    @Test("keys are those of the contract")
    func keys() throws {
        var configuration = ModelConfiguration(dimension: 8, hidden: 4)
        configuration.encoder = "test"
        let json = try JSONEncoder().encode(configuration)
        let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "activation", "classifier", "dimension", "encoder", "hidden", "horizon", "logit_scale", "mix", "order",
                "prior_scale", "solver", "steps", "temperature",
            ])
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: json) == configuration)
    }

    @Test("statuses have the names and numbers of the contract")
    func statuses() {
        #expect(RowStatus.allCases.map(\.name) == ["ok", "non_finite", "zero_norm", "diverged"])
        #expect(RowStatus.allCases.map(\.rawValue) == [0, 1, 2, 3])
    }
}
