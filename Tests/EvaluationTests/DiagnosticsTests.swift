import Dynamics
import EmbeddingSets
import Evaluation
import Foundation
import Refinement
import Testing

/// Unit rows in classes, and a field, with what scikit-learn and NumPy say of them; `Fixtures/diagnostics.py` made it.
private struct DiagnosticsFixture: Decodable {
    struct Field: Decodable {
        let positionWeight: [Float]
        let velocityWeight: [Float]
        let timeWeight: [Float]
        let bias: [Float]
        let outputWeight: [Float]
        let outputBias: [Float]
        let damping: Float
    }

    let classes: Int
    let dimension: Int
    let labels: [Int]
    let rows: [Float]
    let fisherRatio: Double
    let silhouette: Double
    let distanceRatio: Double
    let field: Field
    let hidden: Int
    let time: Double
    let position: [Double]
    let velocity: [Double]
    let slope: [Double]
    let spectralRadius: Double

    static func load() throws -> DiagnosticsFixture {
        let url = try #require(
            Bundle.module.url(forResource: "diagnostics", withExtension: "json", subdirectory: "Fixtures"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(DiagnosticsFixture.self, from: Data(contentsOf: url))
    }
}

@Suite("diagnostics")
struct DiagnosticsTests {
    @Test(
        "Fisher ratio, silhouette and distance ratio are those of NumPy and scikit-learn, empty and lone classes included"
    )
    func separability() throws {
        let fixture = try DiagnosticsFixture.load()
        let own = try #require(
            Separability(
                fixture.rows, labels: fixture.labels, classes: fixture.classes, dimension: fixture.dimension))
        #expect(abs(try #require(own.fisherRatio) - fixture.fisherRatio) < 1e-6)
        #expect(abs(own.silhouette - fixture.silhouette) < 1e-6)
        #expect(abs(try #require(own.distanceRatio) - fixture.distanceRatio) < 1e-6)
    }

    @Test(
        "blobs at right angles have the ratios that follow from their angle; points have no spread; one class has nothing"
    )
    func blobs() throws {
        // Two classes around the axes, each of two rows at ±φ from it, out of the plane.
        let phi = 0.3
        let (c, s) = (Float(cos(phi)), Float(sin(phi)))
        let rows: [Float] = [c, 0, s, c, 0, -s, 0, c, s, 0, c, -s]
        let blobs = try #require(Separability(rows, labels: [0, 0, 1, 1], classes: 2, dimension: 3))
        // Means are cos φ apart from the origin: between cos²φ / 2, within sin²φ.
        #expect(abs(try #require(blobs.fisherRatio) - 0.5 / (tan(phi) * tan(phi))) < 1e-5)
        // a = 1 - cos 2φ, b = 1.
        #expect(abs(blobs.silhouette - cos(2 * phi)) < 1e-6)
        #expect(
            abs(
                try #require(blobs.distanceRatio) - sin(phi)
                    / (2 * cos(phi) * cos(phi) + sin(phi) * sin(phi)).squareRoot()) < 1e-6)
        let points = try #require(Separability([1, 0, 1, 0, 0, 1], labels: [0, 0, 1], classes: 2, dimension: 2))
        #expect(points.fisherRatio == nil && points.distanceRatio == 0)
        // The third row is alone in its class: its silhouette counts as 0.
        #expect(abs(points.silhouette - 2 / 3.0) < 1e-9)
        #expect(Separability([1, 0, 0, 1], labels: [1, 1], classes: 2, dimension: 2) == nil)
    }

    @Test("the spectral radius of a model's field is the largest eigenvalue of its Jacobian, by NumPy")
    func radius() throws {
        let fixture = try DiagnosticsFixture.load()
        let d = fixture.position.count
        var configuration = ModelConfiguration(dimension: d, hidden: fixture.hidden)
        configuration.steps = 1
        var model = Model<Float>(
            configuration: configuration, classes: ["a"], classifierWeight: [Float](repeating: 1, count: d))
        model.field.positionWeight = fixture.field.positionWeight
        model.field.velocityWeight = fixture.field.velocityWeight
        model.field.timeWeight = fixture.field.timeWeight
        model.field.bias = fixture.field.bias
        model.field.outputWeight = fixture.field.outputWeight
        model.field.outputBias = fixture.field.outputBias
        model.field.damping = fixture.field.damping
        let estimate = SpectralRadius.estimate(
            DirectField(Model<Double>(model)), time: fixture.time, position: fixture.position,
            velocity: fixture.velocity, iterations: 200)
        #expect(abs(estimate - fixture.spectralRadius) < 0.02 * fixture.spectralRadius)
    }

    /// Order 2 in the plane under a constant force: `x(1) = x0 + ½ b2`.
    private func falling(_ force: [Float], steps: Int = 1) throws -> (Model<Float>, Evaluator) {
        var configuration = ModelConfiguration(dimension: 2, hidden: 1)
        configuration.steps = steps
        configuration.encoder = "plane"
        var model = Model<Float>(
            configuration: configuration, classes: ["east", "north"], classifierWeight: [1, 0, 0, 1])
        model.field.positionWeight = [0, 0]
        model.field.velocityWeight = [0, 0]
        model.field.timeWeight = [0]
        model.field.bias = [0]
        model.field.outputWeight = [0, 0]
        model.field.outputBias = force
        return (model, Evaluator(refiner: try Refiner(model: model)))
    }

    private func set(_ embeddings: [Float], labels: [Int32]) -> EmbeddingSet {
        var set = EmbeddingSet(dimension: 2, embeddings: embeddings)
        set.labels = labels
        set.classes = ["east", "north"]
        set.encoder = "plane"
        return set
    }

    @Test("under a constant force length, energy and slope are those of a fall, and rows lost and gained are counted")
    func fall() throws {
        let (model, evaluator) = try falling([0, 1])
        // By angle: zero-shot says north above 45 degrees. The force lifts the second and third rows over that line.
        let rows: [Float] = [1, 0, 0.8, 0.6, 0.8, 0.6, 0, 1, .nan, 1]
        let test = set(rows, labels: [0, 1, 0, 1, 0])
        let prompts = set([1, 0, 0, 1], labels: [0, 1])
        let report = try evaluator.diagnose(test, model: model, prompts: prompts)
        #expect(report.rows == 4 && report.rowsLeftOut == 1)
        let transfer = try #require(report.transfer)
        #expect(transfer.zeroShotRight == 3 && transfer.lost == 1)
        #expect(transfer.zeroShotWrong == 2 && transfer.gained == 1)
        #expect(abs(transfer.lostShare - 1 / 3.0) < 1e-12 && transfer.gainedShare == 0.5)
        let path = try #require(report.path)
        #expect(path.rows == 4 && path.rowsLeftOut == 0 && path.rowsReversing == 0)
        for spread in [path.length, path.displacement, path.energyAtEnd, path.greatestEnergy] {
            #expect(abs(spread.median - 0.5) < 1e-9 && abs(spread.largest - 0.5) < 1e-9)
        }
        #expect(path.energyAtStart.largest == 0)
        #expect(abs(path.largestSlope.median - 1) < 1e-9)
        #expect(abs(try #require(path.detour).largest - 1) < 1e-9)
        // x'' does not depend on x and x': the Jacobian is nilpotent.
        let bound = try #require(path.stabilityBound)
        #expect(path.stiffness == 0 && abs(bound - 2.785) < 1e-3)
        // One class in two is the worst tenth: east, of which 1 in 3 is right.
        #expect(abs(report.worstDecile - 1 / 3.0) < 1e-12)
    }

    @Test("rows that do not move stand apart as before, and a solver without an interval has none")
    func rest() throws {
        var (model, _) = try falling([0, 0])
        model.configuration.solver = .dprkn4
        let evaluator = Evaluator(refiner: try Refiner(model: model))
        let report = try evaluator.diagnose(
            set([1, 0.1, 1, 0.2, 0.1, 1, 0.2, 1], labels: [0, 0, 1, 1]), model: model, followedRows: 2)
        let (before, after) = (try #require(report.before), try #require(report.after))
        #expect(abs(before.silhouette - after.silhouette) < 1e-6)
        #expect(report.transfer == nil && report.worstDecileZeroShot == nil)
        let path = try #require(report.path)
        #expect(path.rows == 2 && path.length.largest == 0 && path.detour == nil && path.stabilityBound == nil)
    }

    @Test("the gap is that of the trial that was kept; without rows that chose there is none")
    func gap() throws {
        func trial(_ support: Double, _ validation: String) -> String {
            #"{"support_accuracy": \#(support), "validation": \#(validation)}"#
        }
        let trials =
            "[\(trial(0.9, #"{"accuracy": 0.5}"#)), \(trial(0.8, #"{"accuracy": 0.6}"#)), \(trial(0.7, "null"))]"
        let first = try #require(TrainingGap(manifest: #"{"trials": \#(trials), "chosen": 1}"#))
        #expect(first.support == 0.8 && first.validation == 0.6 && abs(first.difference - 0.2) < 1e-12)
        let again = TrainingGap(manifest: #"{"trials": \#(trials), "chosen": 2, "score": {"accuracy": 0.55}}"#)
        #expect(again?.validation == 0.55)
        #expect(TrainingGap(manifest: #"{"trials": \#(trials), "chosen": 2}"#) == nil)
        #expect(TrainingGap(manifest: #"{"trials": \#(trials), "chosen": null}"#) == nil)
        #expect(TrainingGap(manifest: nil) == nil)
    }

    @Test("zero-shot stands beside each class and each of the commonest mistakes")
    func beside() throws {
        let (_, evaluator) = try falling([0, 1])
        let test = set([1, 0, 0.8, 0.6, 0.8, 0.6, 0.6, 0.8], labels: [0, 1, 0, 0])
        let alone = try evaluator.evaluate(test)
        #expect(alone.confusions.first?.zeroShotRows == nil && alone.classes[0].zeroShotF1 == nil)
        let report = try evaluator.evaluate(test, prompts: set([1, 0, 0, 1], labels: [0, 1]))
        let mistake = try #require(report.confusions.first)
        // The model takes two rows of east for north, zero-shot one of them.
        #expect(mistake.label == "east" && mistake.rows == 2 && mistake.zeroShotRows == 1)
        // East by zero-shot: 2 right of 3 answers and 3 rows.
        #expect(abs(try #require(report.classes[0].zeroShotF1) - 2 / 3.0) < 1e-12)
    }
}
