import Dynamics
import Foundation
import Refinement

/// Shows how a Swift program uses the libraries Dynamics and Refinement by themselves; `docs/library.md` explains it.
///
///     example [MODEL]     refines a few rows with a model file, or with a small model that it makes
@main
struct Example {
    static func main() throws {
        oscillate()
        let path = try CommandLine.arguments.dropFirst().first ?? makeModel()
        try refine(with: path)
    }

    // MARK: - Dynamics: an equation of one's own

    /// `x'' = -x`, whose solution from 1 at rest is `cos t`.
    private struct Oscillator: SecondOrderSystem {
        let dimension = 1

        func evaluate(
            time: Double, position: UnsafePointer<Double>, velocity: UnsafePointer<Double>?, rows: Int,
            scratch: UnsafeMutablePointer<Double>, into result: UnsafeMutablePointer<Double>
        ) {
            for row in 0..<rows { result[row] = -position[row] }
        }
    }

    private static func oscillate() {
        for (solver, steps) in [(Solver.rk4, 8), (.dprkn4, 8)] {
            let integrator = Integrator(solver, grid: TimeGrid(steps: steps, horizon: 2))
            let workspace = Workspace<Double>(count: integrator.workspaceCount(for: Oscillator(), rows: 1))
            var (position, velocity) = (1.0, 0.0)
            integrator.integrate(
                Oscillator(), position: &position, velocity: &velocity, rows: 1, workspace: workspace.base)
            let error = abs(position - cos(2))
            print(
                "oscillator, \(solver.rawValue) in \(steps) steps, \(integrator.evaluations) evaluations: error \(error)"
            )
        }
        let audited = DormandPrince().solve(Oscillator(), position: [1], velocity: [0], horizon: 2)
        print("oscillator, dopri5: error \(abs((audited?.position.first ?? .nan) - cos(2)))")
    }

    // MARK: - Refinement: a model, made, saved and loaded

    private static let dimension = 4

    /// A model of two classes from two prompts, whose field pulls every row towards the first axis.
    private static func makeModel() throws -> String {
        var configuration = ModelConfiguration(dimension: dimension, hidden: 2)
        configuration.solver = .rk4
        configuration.steps = 4
        configuration.encoder = "example"
        var model = try Model<Float>.untrained(
            configuration: configuration, classes: ["east", "north"], prompts: [1, 0, 0, 0, 0, 1, 0, 0],
            labels: [0, 1], seed: 1)
        // As it is made it moves nothing: its output layer is zero.
        model.field.outputBias = [0.5, 0, 0, 0]
        let path = FileManager.default.temporaryDirectory.appending(path: "example-\(getpid()).safetensors").path
        try ModelFile.save(model, to: path)
        return path
    }

    private static func refine(with path: String) throws {
        let loaded = try ModelFile.load(path: path)
        let refiner = try Refiner(model: loaded.model)
        let d = refiner.configuration.dimension
        print(
            "model \(loaded.id): \(refiner.configuration.solver.rawValue) in \(refiner.configuration.steps) steps, "
                + "\(refiner.evaluations) evaluations a row, \(refiner.kernel)")
        // A usable row, one without a direction, one that is not finite: the last two harm nobody.
        let rows = (0..<d).map { Float($0 == 0 ? 0.6 : $0 == 1 ? 0.8 : 0) }
        let embeddings = rows + [Float](repeating: 0, count: d) + [Float](repeating: .nan, count: d)
        var columns = ResultColumns(topK: 1)
        var refined = [Float](repeating: 0, count: embeddings.count)
        embeddings.withUnsafeBufferPointer { embeddings in
            refined.withUnsafeMutableBufferPointer { refined in
                refiner.run(embeddings: embeddings, rows: 3, into: &columns, refined: refined)
            }
        }
        for row in 0..<columns.rows {
            guard columns.statuses[row] == .ok else {
                print("row \(row): \(columns.statuses[row].name)")
                continue
            }
            let label = refiner.classes[Int(columns.topClasses[row])]
            print("row \(row): \(label), score \(columns.topScores[row]), moved to \(refined[row * d..<row * d + 2])")
        }
    }
}
