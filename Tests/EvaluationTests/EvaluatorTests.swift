import EmbeddingSets
import Evaluation
import Failures
import Foundation
import Refinement
import Testing

@Suite("a model judged on a set")
struct EvaluatorTests {
    /// Order 0 in the plane: class `east` is (1, 0), class `north` (0, 1), logits are cosines.
    private let refiner: Refiner

    init() throws {
        var configuration = ModelConfiguration(dimension: 2, hidden: 0)
        configuration.order = 0
        configuration.encoder = "plane"
        refiner = try Refiner(
            model: Model<Float>(
                configuration: configuration, classes: ["east", "north"], classifierWeight: [1, 0, 0, 1]))
    }

    private func set(_ embeddings: [Float], labels: [Int32]?, classes: [String]?) -> EmbeddingSet {
        var set = EmbeddingSet(dimension: 2, embeddings: embeddings)
        set.labels = labels
        set.classes = classes
        set.encoder = "plane"
        return set
    }

    @Test("accuracy, F1, ECE and likelihood follow from the model's probabilities")
    func figures() throws {
        // Each row points along an axis, so its confidence is 1 / (1 + e^-1).
        let test = set([2, 0, 0, 3, 5, 0, 0, 1], labels: [0, 1, 1, 1], classes: ["east", "north"])
        let report = try Evaluator(refiner: refiner).evaluate(test)
        let sure = 0.731_058_578_630_004_9
        #expect(report.rows == 4 && report.rowsFailed == 0 && report.rowsUnlabelled == 0)
        #expect(report.accuracy == 0.75)
        // east: P 1/2, R 1, F1 2/3; north: P 1, R 2/3, F1 4/5.
        #expect(abs(report.macroF1 - (2 / 3.0 + 0.8) / 2) < 1e-12)
        #expect(abs(report.ece - abs(0.75 - sure)) < 1e-6)
        let likelihoods = 3 * 0.313_261_687_518_222_9 + 1.313_261_687_518_222_9
        #expect(abs(report.nll - likelihoods / 4) < 1e-6)
        #expect(report.confusions.map(\.rows) == [1])
        #expect(report.confusions.first?.label == "north" && report.confusions.first?.predicted == "east")
        #expect(report.zeroShot == nil)
    }

    @Test("labels mean classes by name, whatever order the set lists them in; unknown classes are wrong and named")
    func names() throws {
        let test = set([1, 0, 0, 1, 1, 0], labels: [2, 0, 1], classes: ["north", "west", "east"])
        let report = try Evaluator(refiner: refiner).evaluate(test)
        #expect(abs(report.accuracy - 2 / 3.0) < 1e-12)
        #expect(report.warnings.contains { $0.contains("west") })
    }

    @Test("unlabelled rows are left out, rows without an answer are wrong")
    func exceptions() throws {
        let test = set([1, 0, 0, 1, .nan, 0, 0, 0], labels: [0, -1, 0, 0], classes: ["east", "north"])
        let report = try Evaluator(refiner: refiner).evaluate(test)
        #expect(report.rows == 3 && report.rowsUnlabelled == 1 && report.rowsFailed == 2)
        #expect(abs(report.accuracy - 1 / 3.0) < 1e-12)
    }

    @Test("zero-shot is judged on the same rows, with prompts that may list the classes in another order")
    func zeroShot() throws {
        let test = set([1, 0.1, 0.2, 1, 1, 0], labels: [0, 1, 1], classes: ["east", "north"])
        let prompts = set([0, 1, 1, 0], labels: [0, 1], classes: ["north", "east"])
        let report = try Evaluator(refiner: refiner).evaluate(test, prompts: prompts)
        let zeroShot = try #require(report.zeroShot)
        #expect(abs(zeroShot.accuracy - 2 / 3.0) < 1e-12)
        #expect(abs(zeroShot.macroF1 - report.macroF1) < 1e-12)
    }

    @Test("prompts that fit the model badly are told, and prompts of none of its classes refused")
    func prompts() throws {
        let test = set([-1, -2, -2, -1], labels: [1, 1], classes: ["east", "north"])
        var prompts = set([0, 1, 1, 1], labels: [0, 1], classes: ["north", "up"])
        prompts.encoder = nil
        let report = try Evaluator(refiner: refiner).evaluate(test, prompts: prompts)
        // Only north can be the answer.
        #expect(report.zeroShot?.accuracy == 1)
        for word in ["encoder", "up", "east"] { #expect(report.warnings.contains { $0.contains(word) }, "\(word)") }
        #expect(throws: Failure(.classesMismatch, "")) {
            try Evaluator(refiner: refiner).evaluate(test, prompts: set([1, 0], labels: [0], classes: ["up"]))
        }
    }

    @Test("a supplied velocity that the model has no use for is told once")
    func velocity() throws {
        var test = set([1, 0], labels: [0], classes: ["east", "north"])
        #expect(try Evaluator(refiner: refiner).evaluate(test).warnings.isEmpty)
        test.velocity = [0, 1]
        #expect(try Evaluator(refiner: refiner).evaluate(test).warnings.count == 1)
    }

    @Test("the temperature divides the logits, however small or large it is", arguments: [1e-30, 0.5, 1e30])
    func temperature(_ temperature: Double) throws {
        var configuration = ModelConfiguration(dimension: 2, hidden: 0)
        configuration.order = 0
        configuration.temperature = temperature
        let model = Model<Float>(
            configuration: configuration, classes: ["east", "north"], classifierWeight: [1, 0, 0, 1])
        let report = try Evaluator(refiner: Refiner(model: model)).evaluate(
            set([2, 0], labels: [1], classes: ["east", "north"]))
        let sure = 1 / (1 + exp(-1 / temperature))
        #expect(abs(report.ece - sure) < 1e-6)
        #expect(abs(report.nll - min(-log(max(1 - sure, 1e-300)), -log(0x1p-23))) < 1e-5)
    }

    @Test("many rows are judged in chunks with the same figures as one by one")
    func chunks() throws {
        let rows = 5_000
        let embeddings = (0..<2 * rows).map { Float(($0 * 7_919) % 101) - 50 }
        let labels = (0..<rows).map { Int32($0 % 2) }
        let report = try Evaluator(refiner: refiner).evaluate(
            set(embeddings, labels: labels, classes: ["east", "north"]))
        var right = 0
        for row in 0..<rows {
            let (x, y) = (embeddings[2 * row], embeddings[2 * row + 1])
            if (x >= y ? 0 : 1) == labels[row], x != 0 || y != 0 { right += 1 }
        }
        #expect(report.rows == rows)
        #expect(abs(report.accuracy - Double(right) / Double(rows)) < 1e-3)
    }

    @Test("a set without labels or without class names cannot be judged by")
    func noLabels() {
        for test in [
            set([1, 0], labels: nil, classes: ["east"]), set([1, 0], labels: [0], classes: nil),
            set([1, 0], labels: [-1], classes: ["east"]),
        ] {
            #expect(throws: Failure(.noLabels, "")) { try Evaluator(refiner: refiner).evaluate(test) }
        }
    }
}
