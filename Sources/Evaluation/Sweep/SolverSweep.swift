import Dynamics
import EmbeddingSets
import Foundation
import Refinement

/// Serves models by every solver, step count and form that can be, and says what each costs and gives.
public struct SolverSweep: Sendable {
    public var solvers = Solver.allCases
    public var steps = [1, 2, 3, 4, 8]
    /// Rows compared with dopri5, spread evenly over the set; each takes milliseconds.
    public var auditedRows = 100
    /// How long each cost is measured.
    public var limits = Laps.Limits(repeats: 10, seconds: 0.2)

    public init() {}

    /// - Parameters:
    ///   - models: of any order; solvers that cannot solve one are left out for it.
    ///   - set: labelled rows.
    ///   - progress: called before each point with the number of it and of all.
    /// - Throws: as `Evaluator`, `SolverAudit` and `Refiner` do.
    public func run(
        _ models: [Model<Float>], on set: EmbeddingSet, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> SweepReport {
        let ways = models.enumerated().flatMap { number, model in self.ways(model).map { (number, $0) } }
        var points: [SweepPoint] = []
        // Each point begins to count anew: what came before it must be asked for first.
        var peak = Machine.peakMemory
        for (index, (number, way)) in ways.enumerated() {
            progress(index, ways.count)
            points += try self.points(models[number], number, way, set, peak: &peak)
        }
        return SweepReport(
            machine: .current, date: Date().formatted(.iso8601), rows: (set.labels ?? []).count { $0 >= 0 },
            auditedRows: min(auditedRows, set.rows), points: points.judged(),
            peakMemory: max(peak, Machine.peakMemory))
    }

    private typealias Way = (solver: Solver, steps: Int)

    /// What can solve the model; its own way alone at order 0, where there is nothing to solve.
    private func ways(_ model: Model<Float>) -> [Way] {
        let configuration = model.configuration
        guard configuration.order > 0 else { return [(configuration.solver, max(1, configuration.steps))] }
        return solvers.flatMap { solver in steps.map { (solver, $0) } }.filter { solver, steps in
            var other = model
            other.configuration.solver = solver
            other.configuration.steps = steps
            return other.objection(to: solver) == nil && other.configuration.evaluations > 0
        }
    }

    private func points(
        _ model: Model<Float>, _ number: Int, _ way: Way, _ set: EmbeddingSet, peak whole: inout Int
    ) throws -> [SweepPoint] {
        let configuration = model.configuration
        let solves = configuration.order > 0
        func refiner(steps: Int, form: RefinementForm? = nil) throws -> Refiner {
            solves
                ? try Refiner(model: model, solver: way.solver, steps: steps, form: form) : try Refiner(model: model)
        }
        let chosen = try refiner(steps: way.steps)
        let report = try Evaluator(refiner: chosen).evaluate(set)
        let finer = solves ? try Evaluator(refiner: refiner(steps: 4 * way.steps)).evaluate(set) : report
        let forms = try RefinementForm.allCases.filter { solves || $0 == .direct }.map { form in
            form == chosen.form ? chosen : try refiner(steps: way.steps, form: form)
        }
        var benchmark = CostBenchmark()
        benchmark.batches = [256]
        benchmark.parts = [.refinement]
        benchmark.limits = limits
        whole = max(whole, Machine.peakMemory)
        let counts = Machine.forgetPeakMemory()
        let costs = benchmark.run(model, forms, Workload(set)).costs
        let peak = counts ? Machine.peakMemory : nil
        return try zip(forms, costs).map { refiner, cost in
            let audit = solves ? try SolverAudit(model: model, refiner: refiner, set: set, most: auditedRows) : nil
            return SweepPoint(
                model: number, order: configuration.order, hidden: configuration.hidden,
                parameters: model.weightCount, trainedSolver: configuration.solver.rawValue,
                trainedSteps: configuration.steps, solver: way.solver.rawValue, steps: way.steps,
                form: refiner.form.rawValue, evaluations: refiner.evaluations, operations: Int(cost.operations),
                accuracy: report.accuracy, macroF1: report.macroF1, ece: report.ece,
                consistencyGap: abs(report.accuracy - finer.accuracy), medianError: audit?.medianError,
                largestError: audit?.largestError, processorSecondsPerRow: cost.processorSecondsPerRow,
                p50: cost.p50, p95: cost.p95, peakMemory: peak)
        }
    }
}
