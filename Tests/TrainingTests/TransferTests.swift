import Dynamics
import Failures
import Refinement
import Testing
import Training

@Suite("a training that starts from a model of another task")
struct TransferTests {
    /// Trained on other classes: `RandomModel` has four, of five numbers, with hidden layers of four and three units.
    private func source(_ it: Case = Case()) -> Model<Float> {
        var model = RandomModel<Float>(it, seed: 3).model
        model.configuration.encoder = "synthetic"
        model.training = "{}"
        return model
    }

    private func untrained(order: Int = 2, dimension d: Int = 5, solver: Solver = .rk4) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: d, hidden: order == 0 ? 0 : 9)
        configuration.order = order
        configuration.solver = solver
        configuration.steps = 1
        configuration.logitScale = 10
        configuration.encoder = "synthetic"
        let prompts = (0..<2 * d).map { Float($0 % 3) + ($0 < d ? 0.5 : -0.5) }
        return try .untrained(
            configuration: configuration, classes: ["new", "other"], prompts: prompts, labels: [0, 1],
            velocityHidden: order == 2 ? 7 : nil, seed: 1)
    }

    @Test("field, velocity network and their width come from the source; classes, classifier, scale and steps stay")
    func start() throws {
        let (new, old) = (try untrained(), source())
        let start = try new.starting(from: old)
        try start.check()
        #expect(start.field == old.field && start.velocity == old.velocity)
        #expect(start.configuration.hidden == old.configuration.hidden)
        #expect(start.configuration.horizon == 1.3 && start.configuration.mix == 0.6)
        #expect(start.classes == new.classes && start.classifierWeight == new.classifierWeight)
        #expect(start.configuration.logitScale == 10 && start.configuration.steps == 1 && start.prior == nil)
        #expect(start.training == nil)
    }

    @Test("rows go where the source takes them, from the first update on")
    func moves() throws {
        let old = source()
        var start = try untrained().starting(from: old)
        start.configuration.steps = old.configuration.steps
        let rows = RandomModel<Float>(Case(), seed: 5).batches[0].start
        #expect(
            GradientEngine(start).forward(start.parameters, start: rows).end
                == GradientEngine(old).forward(old.parameters, start: rows).end)
    }

    @Test("what cannot be taken over is refused by its reason")
    func refusals() throws {
        var foreign = source()
        foreign.configuration.encoder = "another"
        let cases: [(Model<Float>, Model<Float>, FailureCode)] = [
            (try untrained(dimension: 6), source(), .dimensionMismatch),
            (try untrained(), foreign, .encoderMismatch),
            (try untrained(), source(Case(order: 1)), .invalidArgument),
            (try untrained(), source(Case(order: 0)), .invalidArgument),
            // The source's field reads the velocity, which a Nyström method does not give it.
            (try untrained(solver: .dprkn4), source(), .invalidArgument),
        ]
        for (new, old, code) in cases {
            #expect(throws: Failure(code, "")) { try new.starting(from: old) }
        }
        // An unknown encoder is taken on trust, and becomes known.
        var nameless = try untrained()
        nameless.configuration.encoder = nil
        #expect(try nameless.starting(from: source()).configuration.encoder == "synthetic")
    }
}
