import Dynamics
import EmbeddingSets
import Evaluation
import Failures
import Foundation
import Refinement
import Testing

@Suite("an audit of the solver")
struct SolverAuditTests {
    /// Order 2 in the plane, with a field strong enough to turn every row.
    private var model: Model<Float> {
        var configuration = ModelConfiguration(dimension: 2, hidden: 2)
        configuration.order = 2
        configuration.solver = .midpoint
        configuration.steps = 4
        var model = Model<Float>(
            configuration: configuration, classes: ["east", "north"], classifierWeight: [1, 0, 0, 1])
        model.field.positionWeight = [1.5, -0.5, 0.75, 1.25]
        model.field.velocityWeight = [0.5, 0.25, -0.5, 1]
        model.field.timeWeight = [0.5, -0.25]
        model.field.bias = [0.125, -0.375]
        model.field.outputWeight = [1, -0.75, 0.5, 1.5]
        model.field.outputBias = [0.25, -0.125]
        return model
    }

    private func audit(_ rows: [Float], solver: Solver, steps: Int, most: Int = 100) throws -> SolverAudit {
        let refiner = try Refiner(model: model, solver: solver, steps: steps)
        return try SolverAudit(
            model: model, refiner: refiner, set: EmbeddingSet(dimension: 2, embeddings: rows), most: most)
    }

    @Test("twice the steps leave an error smaller by the order of the method")
    func order() throws {
        let rows: [Float] = [1, 0.5, -0.25, 1, 0.5, -1, -1, -0.75]
        let errors = try [4, 8, 16].map { try audit(rows, solver: .midpoint, steps: $0).largestError }
        for (coarse, fine) in zip(errors, errors.dropFirst()) {
            #expect(coarse / fine > 3 && coarse / fine < 5)
        }
    }

    @Test("with enough steps no row changes class; with too few one does")
    func classes() throws {
        let exact = try audit([1, 0.5, -0.25, 1], solver: .rk4, steps: 64)
        #expect(exact.classChanges == 0 && exact.largestError < 1e-5)
        #expect(exact.evaluations == 255 && exact.referenceEvaluations > 10)
        // Rows all around: some end near the border between the classes, and there euler is on the wrong side of it.
        let circle = (0..<400).flatMap { [cos(Float($0) / 63.7), sin(Float($0) / 63.7)] }
        #expect(try audit(circle, solver: .euler, steps: 2, most: 400).classChanges > 0)
    }

    @Test("rows that cannot be refined are left out and counted; if none can, that is an error")
    func unusable() throws {
        let audit = try audit([1, 0, .nan, 1, 0, 0], solver: .rk4, steps: 2)
        #expect(audit.rows == 1 && audit.rowsLeftOut == 2)
        #expect(throws: Failure(.noRows, "")) { try self.audit([0, 0], solver: .rk4, steps: 2) }
    }

    @Test("rows are spread evenly over the set")
    func spread() throws {
        // Every second row is unusable: of four rows, looking at two means the first and the third.
        let audit = try audit([1, 0, .nan, 0, 0, 1, .nan, 0], solver: .rk4, steps: 2, most: 2)
        #expect(audit.rows == 2 && audit.rowsLeftOut == 0)
    }
}
