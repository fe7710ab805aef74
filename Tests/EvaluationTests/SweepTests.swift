import Dynamics
import EmbeddingSets
import Evaluation
import Foundation
import Refinement
import Testing

@Suite("Sweeps")
struct SweepTests {
    private func point(_ operations: Int, _ accuracy: Double) throws -> SweepPoint {
        let text = """
            {"model": 0, "order": 2, "hidden": 1, "parameters": 1, "trainedSolver": "rk4", "trainedSteps": 1,
            "solver": "rk4", "steps": 1, "form": "hidden", "evaluations": 3, "operations": \(operations),
            "accuracy": \(accuracy), "macroF1": 0, "ece": 0, "consistencyGap": 0, "processorSecondsPerRow": 0,
            "p50": 0, "p95": 0, "isOnFront": false, "isKnee": false}
            """
        return try JSONDecoder().decode(SweepPoint.self, from: Data(text.utf8))
    }

    @Test("the front holds what nothing beats in both cost and accuracy, and equal points together")
    func front() throws {
        let all: [(Int, Double)] = [(30, 0.61), (10, 0.5), (20, 0.6), (25, 0.55), (20, 0.6), (40, 0.61)]
        let points = try all.map { try point($0, $1) }.judged()
        #expect(points.map(\.operations) == [10, 20, 20, 25, 30, 40])
        #expect(points.map(\.isOnFront) == [true, true, true, false, true, false])
    }

    @Test("the knee is the cheapest point within 0.2 points of the best")
    func knee() throws {
        func knees(_ all: [(Int, Double)]) throws -> [Bool] {
            try all.map { try point($0, $1) }.judged().map(\.isKnee)
        }
        #expect(try knees([(10, 0.607), (20, 0.6081), (30, 0.61)]) == [false, true, false])
        // Exactly 0.2 points below counts.
        #expect(try knees([(10, 0.608), (30, 0.61)]) == [true, false])
        #expect(try knees([]).isEmpty)
    }

    @Test("every way that can solve a model is there once in each form, and no other; accuracy is the evaluator's")
    func ways() throws {
        var configuration = ModelConfiguration(dimension: 12, hidden: 6)
        configuration.steps = 2
        var models: [Model<Float>] = []
        for (order, solver) in [(2, Solver.rk4), (2, .dprkn4), (1, .heun), (0, .rk4)] {
            configuration.order = order
            configuration.solver = solver
            configuration.hidden = order == 0 ? 0 : 6
            models.append(.synthetic(configuration, classes: 3))
        }
        let rows = Workload(rows: 40, dimension: 12, suppliesVelocity: false)
        var set = EmbeddingSet(dimension: 12, embeddings: rows.embeddings)
        set.labels = (0..<40).map { Int32($0 % 3) }
        set.classes = models[0].classes
        var sweep = SolverSweep()
        sweep.steps = [1, 2]
        sweep.auditedRows = 3
        sweep.limits = Laps.Limits(repeats: 1, seconds: 0)
        let report = try sweep.run(models, on: set)
        #expect(report.rows == 40 && report.auditedRows == 3)
        func ways(_ model: Int) -> Set<String> {
            Set(report.points.filter { $0.model == model }.map { "\($0.solver) \($0.steps) \($0.form)" })
        }
        let coupled = ["midpoint", "heun", "rk4", "rk4-38"].flatMap { ["\($0) 1", "\($0) 2"] } + ["euler 2"]
        func both(_ ways: [String]) -> Set<String> { Set(ways.flatMap { ["\($0) direct", "\($0) hidden"] }) }
        #expect(ways(0) == both(coupled))
        #expect(ways(1) == both(coupled + ["nystrom4", "dprkn4"].flatMap { ["\($0) 1", "\($0) 2"] }))
        #expect(ways(2) == both(coupled + ["euler 1"]))
        #expect(ways(3) == ["rk4 2 direct"])
        #expect(report.points.count { $0.isKnee } == 1 && report.points.contains { $0.isOnFront })
        for point in report.points where point.order > 0 {
            let solver = try #require(Solver(rawValue: point.solver))
            let refiner = try Refiner(model: models[point.model], solver: solver, steps: point.steps)
            #expect(try Evaluator(refiner: refiner).evaluate(set).accuracy == point.accuracy)
            #expect(point.evaluations == refiner.evaluations)
            #expect(point.largestError.map { $0 >= 0 } == true)
        }
    }
}
