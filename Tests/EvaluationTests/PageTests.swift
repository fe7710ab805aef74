import Dynamics
import EmbeddingSets
import Evaluation
import Foundation
import Refinement
import Testing

@Suite("pages of evaluations and sweeps")
struct PageTests {
    private static let classes = ["<script>east</script>", "north & \"co\""]

    /// Rows of a plane, which a constant force lifts: `x(1) - x(0) = force / 2`.
    private func model(_ force: [Float]) -> Model<Float> {
        var configuration = ModelConfiguration(dimension: 2, hidden: 1)
        configuration.steps = 1
        var model = Model<Float>(
            configuration: configuration, classes: Self.classes, classifierWeight: [1, 0, 0, 1])
        model.field.positionWeight = [0, 0]
        model.field.velocityWeight = [0, 0]
        model.field.timeWeight = [0]
        model.field.bias = [0]
        model.field.outputWeight = [0, 0]
        model.field.outputBias = force
        return model
    }

    private func set(_ embeddings: [Float], labels: [Int32]) -> EmbeddingSet {
        var set = EmbeddingSet(dimension: 2, embeddings: embeddings)
        set.labels = labels
        set.classes = Self.classes
        return set
    }

    private var test: EmbeddingSet {
        self.set([1, 0, 0.8, 0.6, 0.8, -0.6, 0, 1, 0.6, 0.8], labels: [0, 1, 0, 1, 0])
    }

    private var prompts: EmbeddingSet { self.set([1, 0, 0, 1], labels: [0, 1]) }

    private func written(_ write: (String) throws -> Void) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID().uuidString).html").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write(path)
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    /// Tags that are opened and not closed, or closed and not open.
    private func unbalanced(_ page: String) throws -> [String] {
        let alone: Set = ["meta", "br", "circle", "line", "polyline", "polygon", "rect", "!doctype"]
        var (open, wrong): ([String], [String]) = ([], [])
        for tag in page.matches(of: try Regex("<(/?)([!a-z0-9]+)", as: (Substring, Substring, Substring).self)) {
            let name = String(tag.output.2)
            guard !alone.contains(name) else { continue }
            if tag.output.1.isEmpty {
                open.append(name)
            } else if open.last == name {
                open.removeLast()
            } else {
                wrong.append(name)
            }
        }
        return open + wrong
    }

    @Test(
        "rows are seen in the plane of greatest spread, with the shares of variance, and their ways keep their lengths")
    func projection() throws {
        let model = model([0, 1])
        let evaluator = Evaluator(refiner: try Refiner(model: model))
        let test = test
        let plane = try #require(try evaluator.project(test, model: model, prompts: prompts))
        // The eigenvalues of the covariance of five points, from its trace and determinant.
        let (x, y) = ([1, 0.8, 0.8, 0, 0.6], [0, 0.6, -0.6, 1, 0.8])
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / 5 }
        func covariance(_ a: [Double], _ b: [Double]) -> Double {
            zip(a, b).reduce(0) { $0 + ($1.0 - mean(a)) * ($1.1 - mean(b)) }
        }
        let trace = covariance(x, x) + covariance(y, y)
        let determinant = covariance(x, x) * covariance(y, y) - covariance(x, y) * covariance(x, y)
        let largest = trace / 2 + (trace * trace / 4 - determinant).squareRoot()
        #expect(abs(plane.explained[0] - largest / trace) < 1e-6)
        #expect(abs(plane.explained[0] + plane.explained[1] - 1) < 1e-6)
        #expect(plane.ways.count == 5)
        for way in plane.ways {
            let (first, last) = (try #require(way.points.first), try #require(way.points.last))
            #expect(abs(hypot(last[0] - first[0], last[1] - first[1]) - 0.5) < 1e-6)
        }
        // Lifted over the diagonal or not: of the second row zero-shot says east, the model north.
        #expect(plane.ways.map(\.zeroShotIsRight) == [true, false, true, true, false])
        #expect(plane.ways.map(\.modelIsRight) == [true, true, true, true, false])
        var still = model
        still.configuration.order = 0
        let other = Evaluator(refiner: try Refiner(model: still))
        #expect(try other.project(test, model: still) == nil)
    }

    @Test("an evaluation's page holds its figures, no markup of others, loads nothing, and is the same twice")
    func evaluation() throws {
        let model = model([0, 1])
        let evaluator = Evaluator(refiner: try Refiner(model: model))
        var report = try evaluator.evaluate(test, prompts: prompts)
        #expect(report.reliability.reduce(0) { $0 + $1.rows } == report.rows)
        report.diagnostics = try evaluator.diagnose(test, model: model, prompts: prompts)
        report.shifts = [EvaluationReport.Shift("<img src=x>", report, baselines: nil)]
        report.rowsPerSecond = 1_000
        let projection = try evaluator.project(test, model: model, prompts: prompts)
        func page() throws -> String {
            try written {
                try EvaluationPage(report, modelID: "abc", parameters: 1_234_567, projection: projection).write(to: $0)
            }
        }
        let text = try page()
        #expect(try page() == text)
        #expect(try unbalanced(text) == [])
        #expect(!text.contains("<script") && !text.contains("<img") && text.contains("&lt;script&gt;east"))
        #expect(!text.contains("http:") && !text.contains("https:") && text.contains("default-src 'none'"))
        #expect(text.contains("<td>accuracy</td><td class=n>80.0 %</td><td class=n>60.0 %</td>"))
        // One row of east was taken for north, of three.
        #expect(text.contains("taken for north &amp; &quot;co&quot;: 1 of 3"))
        #expect(text.contains("right only by zero-shot (0)") && text.contains("and classification (1)"))
        #expect(text.components(separatedBy: "class=\"way ").count == 1 + 5)
        #expect(text.contains("solved finely, in \(try #require(projection).steps) steps"))
        #expect(text.contains("worst tenth of the classes") && text.contains("energy at the end"))
    }

    @Test("a page tells where training fell back to zero-shot")
    func fallBack() throws {
        var sweep = SolverSweep()
        (sweep.solvers, sweep.steps) = ([.rk4], [1])
        (sweep.limits.repeats, sweep.limits.seconds) = (1, 0)
        var report = try sweep.run([model([0, 1])], on: test)
        report.trainings = [
            WidthTraining.Outcome(width: 1, seconds: 2, validationAccuracy: 0.5, isZeroShot: true)
        ]
        let text = try written { try SweepPage(report, names: ["H 1"]).write(to: $0) }
        #expect(text.contains("H 1: training took 2.0 s, accuracy on the rows that chose 50.0 %; nothing beat"))
    }

    @Test("a sweep's page names the knee and has a line for each way")
    func sweep() throws {
        var sweep = SolverSweep()
        sweep.solvers = [.euler, .rk4]
        sweep.steps = [2]
        sweep.limits.repeats = 1
        sweep.limits.seconds = 0
        let report = try sweep.run([model([0, 1])], on: test)
        let text = try written { try SweepPage(report, names: ["<b>one</b>"]).write(to: $0) }
        #expect(try unbalanced(text) == [])
        #expect(!text.contains("<b>"))
        let knee = try #require(report.points.first { $0.isKnee })
        #expect(text.contains("<strong>\(knee.solver) × 2, \(knee.form)</strong>"))
        #expect(text.components(separatedBy: "<tr").count == 2 + report.points.count)
        #expect(report.points.compactMap(\.peakMemory).allSatisfy { $0 <= report.peakMemory })
        #expect(text.contains("memory MiB"))
    }
}
