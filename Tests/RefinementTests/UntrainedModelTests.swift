import Dynamics
import Failures
import Refinement
import Testing

@Suite("Untrained models")
struct UntrainedModelTests {
    private let prompts: [Double] = [3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 1]

    @Test("the classifier is the normalised mean of the unit prompts of each class")
    func prototypes() throws {
        let weight = try Model<Double>.prototypes(
            dimension: 3, classes: ["a", "b"], prompts: prompts, labels: [1, 1, 0, 0])
        let half = 0.5.squareRoot()
        #expect(distance(weight, [0, 0, 1, half, half, 0]) < 1e-15)
    }

    @Test("a class whose prompts cancel out, or that has none, is refused by name")
    func unusable() {
        #expect(throws: Failure(.invalidArgument, "")) {
            try Model<Double>.prototypes(
                dimension: 3, classes: ["a", "b"], prompts: [1, 0, 0, -1, 0, 0, 0, 1, 0], labels: [0, 0, 1])
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            try Model<Double>.prototypes(dimension: 3, classes: ["a", "b"], prompts: prompts, labels: [0, 0, 0, 0])
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            try Model<Double>.prototypes(dimension: 3, classes: ["a"], prompts: prompts, labels: [0, 0, 0, 1])
        }
    }

    @Test("the same seed gives the same model, another seed another one, of variance 1")
    func seeds() throws {
        var configuration = ModelConfiguration(dimension: 64, hidden: 50)
        configuration.steps = 1
        func model(_ seed: UInt64) throws -> Model<Float> {
            try Model.untrained(
                configuration: configuration, classes: ["a"], prompts: [Float](repeating: 1, count: 64), labels: [0],
                velocityHidden: 7, seed: seed)
        }
        #expect(try model(1) == model(1))
        #expect(try model(1) != model(2))
        let weight = try model(1).field.positionWeight
        let variance = weight.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(weight.count)
        #expect(abs(variance - 1) < 0.1)
        #expect(try model(1).velocity?.hidden == 7)
        try model(1).check()
    }
}

private func distance(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).map { abs($0 - $1) }.max() ?? 0
}
