import Dynamics
import Failures
import Refinement
import Testing

@Suite("The reference in double precision")
struct ReferenceRefinerTests {
    @Test("it agrees with the plain equations in many small steps", arguments: [2, 1, 0], [false, true])
    func plainEquations(order: Int, isSupplied: Bool) throws {
        var model = Model.random(order: order)
        var noise = Noise(9)
        let row = noise.values(model.configuration.dimension)
        let velocity = isSupplied ? noise.values(row.count) : nil
        let answer = try #require(try ReferenceRefiner(model: model, tolerance: 1e-12).refine(row, velocity: velocity))
        model.configuration.solver = .rk4
        model.configuration.steps = 500
        let plain = PlainModel(model: Model<Double>(model)).logits(row, velocity: velocity)
        #expect(zip(answer.refined, plain.y).allSatisfy { abs($0 - $1) < 1e-10 })
        #expect(zip(answer.logits, plain.logits).allSatisfy { abs($0 - $1) < 1e-8 })
        #expect((answer.evaluations > 0) == (order > 0))
    }

    @Test("a model whose parts do not fit is refused")
    func misfit() {
        var model = Model.random()
        model.field.bias.removeLast()
        #expect(throws: Failure(.modelInvalid, "")) { try ReferenceRefiner(model: model) }
    }
}
