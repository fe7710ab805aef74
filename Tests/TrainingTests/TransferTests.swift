import Dynamics
import Failures
import Foundation
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

    /// A model that many other rows of the same kind went into, under other class names.
    private func teacher(_ task: SyntheticTask) throws -> LoadedModel {
        let many = SyntheticTask(shots: 250, bend: task.bend)
        // The first are those of the task itself: support, validation and test come from one stream.
        let own = task.support.rows + task.validation.rows + task.test.rows
        // Solved in another way than the recipe does: the head over it must move rows as this does.
        var options = task.options(TrainingOptions(solver: .midpoint, steps: 2))
        options.epochs = 150
        var model = try Trainer(options: options, toolVersion: "sono 0").train(
            support: many.support.selecting(Array(own..<many.support.rows)), prompts: many.prompts,
            validation: many.validation
        ).model
        model.classes = model.classes.map { "other \($0)" }
        return try loaded(model)
    }

    private func loaded(_ model: Model<Float>) throws -> LoadedModel {
        let path = FileManager.default.temporaryDirectory.appending(path: "transfer-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFile.save(model, to: path)
        return try ModelFile.load(path: path)
    }

    private func accuracy(_ model: Model<Float>, _ rows: TrainingRows) throws -> Double {
        let refiner = try Refiner(model: model)
        var columns = refiner.makeColumns(topK: 1)
        rows.embeddings.withUnsafeBufferPointer { embeddings in
            refiner.run(embeddings: embeddings, velocity: nil, rows: rows.rows, threads: 1, into: &columns)
        }
        return Double((0..<rows.rows).count { columns.topClasses[$0] == rows.labels[$0] }) / Double(rows.rows)
    }

    @Test(
        "what another model learned of the features is kept where it pays, named in the manifest, and moves as it did")
    func pays() throws {
        // Two rows a class cannot show how strongly the nuisance bends; hundreds of the source's can.
        let task = SyntheticTask(bend: 2)
        let small = SyntheticTask(shots: 2, bend: 2).support
        var options = TrainingOptions.standard
        options.seed = 3
        let trainer = Trainer(options: options, toolVersion: "sono 0")
        let old = try teacher(task)
        let alone = try trainer.train(support: small, prompts: task.prompts, validation: task.validation)
        let over = try trainer.train(support: small, prompts: task.prompts, validation: task.validation, from: old)
        #expect(over.model.field == old.model.field && over.model.velocity == old.model.velocity)
        #expect(over.model.configuration.solver == .midpoint && over.model.configuration.steps == 2)
        #expect(over.model.classes == task.classes && !over.isZeroShot)
        #expect(try #require(over.validation).nll < (try #require(alone.validation)).nll)
        #expect(try accuracy(over.model, task.test) > accuracy(alone.model, task.test))
        #expect(over.manifest.contains(old.id) && over.trials.last?.name == "head over \(old.id)")
        let again = try trainer.train(support: small, prompts: task.prompts, validation: task.validation, from: old)
        #expect(again.model == over.model)
    }

    @Test("where what another model learned does harm, training goes its own way and says so")
    func harms() throws {
        let task = SyntheticTask()
        var wrecked = try teacher(task).model
        // Every row is driven the same way, far beyond what a head can undo.
        wrecked.field.outputBias = wrecked.field.outputBias.map { _ in 500 }
        let old = try loaded(wrecked)
        let trainer = Trainer(options: .standard, toolVersion: "sono 0")
        let alone = try trainer.train(support: task.support, prompts: task.prompts, validation: task.validation)
        let over = try trainer.train(
            support: task.support, prompts: task.prompts, validation: task.validation, from: old)
        #expect(over.model.field == alone.model.field)
        #expect(over.model.configuration == alone.model.configuration)
        #expect(over.model.classifierWeight == alone.model.classifierWeight)
        #expect(over.warnings.contains { $0.contains(old.id) && $0.contains("did not pay") })
    }

    @Test("without rows to choose by nothing is taken over unseen, and that is said")
    func untold() throws {
        let task = SyntheticTask()
        let one = SyntheticTask(shots: 1).support
        let old = try teacher(task)
        let trainer = Trainer(options: .standard, toolVersion: "sono 0")
        let alone = try trainer.train(support: one, prompts: task.prompts)
        let over = try trainer.train(support: one, prompts: task.prompts, from: old)
        #expect(over.model.classifierWeight == alone.model.classifierWeight && over.model.field == alone.model.field)
        #expect(over.warnings.contains { $0.contains(old.id) && $0.contains("cannot be told") })
    }

    @Test("rows with a velocity of their own, and sources that move another origin, are refused")
    func unsuited() throws {
        let task = SyntheticTask()
        let old = try teacher(task)
        let trainer = Trainer(options: .standard, toolVersion: "sono 0")
        var moving = task.support
        moving.velocity = moving.embeddings
        #expect(throws: Failure(.invalidArgument, "")) {
            try trainer.train(support: moving, prompts: task.prompts, from: old)
        }
        var centred = old.model
        centred.inputMean = [Float](repeating: 0.01, count: task.support.dimension)
        #expect(throws: Failure(.invalidArgument, "")) {
            try trainer.train(support: task.support, prompts: task.prompts, from: loaded(centred))
        }
    }
}
