import Dynamics
import Failures
import Foundation
import Refinement
import Testing
import Training

@Suite struct TrainerTests {
    private let task = SyntheticTask()

    private func train(
        _ options: TrainingOptions? = nil, support: TrainingRows? = nil, validation: TrainingRows?? = .none
    ) throws -> TrainedModel {
        try Trainer(options: options ?? task.options, toolVersion: "sono 0").train(
            support: support ?? task.support, prompts: task.prompts, validation: validation ?? task.validation)
    }

    /// Accuracy as serving sees it.
    private func accuracy(_ model: Model<Float>, _ rows: TrainingRows) throws -> Double {
        let results = try classify(model, rows)
        let right = (0..<rows.rows).count { results.topClasses[$0 * results.topK] == rows.labels[$0] }
        return Double(right) / Double(rows.rows)
    }

    private func classify(_ model: Model<Float>, _ rows: TrainingRows) throws -> ResultColumns {
        let refiner = try Refiner(model: model)
        var columns = refiner.makeColumns(topK: 1)
        rows.embeddings.withUnsafeBufferPointer { embeddings in
            refiner.run(embeddings: embeddings, velocity: nil, rows: rows.rows, threads: 1, into: &columns)
        }
        return columns
    }

    private func zeroShot(_ options: TrainingOptions) throws -> Model<Float> {
        var none = options
        none.epochs = 0
        return try train(none).model
    }

    @Test("training beats zero-shot on rows it never saw, at every order", arguments: [0, 1, 2])
    func learns(_ order: Int) throws {
        var options = task.options
        options.order = order
        let trained = try train(options)
        let before = try accuracy(try zeroShot(options), task.test)
        let after = try accuracy(trained.model, task.test)
        #expect(after > before + 0.03, "\(before) -> \(after)")
        #expect(!trained.isZeroShot)
        #expect(trained.model.configuration.order == order)
    }

    @Test("trained for a Nyström method, the field reads no velocity and its damping is learned", arguments: [1, 2])
    func nystrom(_ steps: Int) throws {
        let trained = try train(task.options(TrainingOptions(solver: .dprkn4, steps: steps)))
        #expect(trained.model.field.velocityWeight.allSatisfy { $0 == 0 })
        #expect(trained.model.field.damping > 0)
        #expect(try Refiner(model: trained.model).evaluations == 3 * steps)
    }

    @Test("what training computes is what serving runs", arguments: Solver.allCases)
    func servesTheSame(_ solver: Solver) throws {
        var options = task.options(TrainingOptions(solver: solver, steps: 2))
        options.priorScale = 0.5
        options.learnsMix = true
        options.epochs = 10
        let model = try train(options).model
        let engine = GradientEngine(model)
        let d = task.test.dimension
        var start = task.test.embeddings
        for row in 0..<task.test.rows {
            let norm = start[row * d..<(row + 1) * d].reduce(0) { $0 + $1 * $1 }.squareRoot()
            for i in row * d..<(row + 1) * d { start[i] /= norm }
        }
        let logits = engine.forward(model.parameters, start: start).logits
        let served = try classify(model, task.test)
        let c = task.classes.count
        let temperature = Float(model.configuration.temperature)
        for row in 0..<task.test.rows {
            let z = logits[row * c..<(row + 1) * c].map { Double($0 / temperature) }
            let highest = z.max() ?? 0
            let best = 1 / z.reduce(0) { $0 + exp($1 - highest) }
            #expect(abs(best - Double(served.topScores[row])) < 1e-4)
        }
    }

    @Test("the same seed gives the same model for any number of threads, another seed another", arguments: [1, 2])
    func determinism(_ order: Int) throws {
        var options = task.options
        options.order = order
        options.batchRows = 17
        options.epochs = 6
        options.threads = 1
        let one = try train(options)
        options.threads = 3
        let three = try train(options)
        #expect(one.model == three.model)
        #expect(one.manifest == three.manifest)
        options.seed = 2
        #expect(try train(options).model.field != one.model.field)
    }

    @Test("where training only does harm on validation, the zero-shot model is kept and the manifest says so")
    func fallback() throws {
        var misled = task.support
        misled.labels = misled.labels.map { ($0 + 1) % 4 }
        let trained = try train(support: misled)
        #expect(trained.isZeroShot)
        let untrained = try zeroShot(task.options)
        #expect(trained.model.field == untrained.field)
        #expect(trained.model.classifierWeight == untrained.classifierWeight)
        #expect(try accuracy(trained.model, task.test) == accuracy(untrained, task.test))
        let manifest = try #require(
            try JSONSerialization.jsonObject(with: Data(trained.manifest.utf8)) as? [String: Any])
        #expect(manifest["is_zero_shot"] as? Bool == true)
        #expect(manifest["chosen"] == nil)
        #expect(trained.warnings.contains { $0.contains("zero-shot") })
    }

    @Test("without validation rows a quarter of the support judges, and all rows are trained on in the end")
    func withoutValidation() throws {
        let trained = try train(validation: .some(nil))
        #expect(trained.validation?.rows == task.support.rows / 4)
        #expect(trained.trials.last?.name == "all rows")
        #expect(try accuracy(trained.model, task.test) > accuracy(try zeroShot(task.options), task.test))
        #expect(trained.model.configuration.temperature != 1)
    }

    @Test("one row a class and no validation rows: trains, and says that scores are not calibrated")
    func oneShot() throws {
        let one = try task.support.selecting(FewShotDraw(shots: 1, seed: 1, from: task.support).rows)
        let trained = try train(support: one, validation: .some(nil))
        #expect(trained.trials.count == 1)
        #expect(trained.validation == nil)
        #expect(trained.model.configuration.temperature == 1)
        #expect(trained.warnings.contains { $0.contains("not calibrated") })
    }

    @Test("the temperature makes scores as high as they are right")
    func calibration() throws {
        let trained = try train()
        let served = try classify(trained.model, task.test)
        let mean = served.topScores.reduce(0) { $0 + Double($1) } / Double(task.test.rows)
        #expect(abs(mean - (try accuracy(trained.model, task.test))) < 0.1)
    }

    @Test("rows without a label, not finite or all zero are skipped and counted")
    func skippedRows() throws {
        var dirty = task.support
        let d = dirty.dimension
        dirty.labels += [-1, 0, 1]
        dirty.embeddings += [Float](repeating: 1, count: d) + [Float](repeating: 0, count: d)
        dirty.embeddings += [.nan] + [Float](repeating: 1, count: d - 1)
        let clean = try train()
        let trained = try train(support: dirty)
        #expect(trained.model.field == clean.model.field)
        #expect(trained.model.reference == clean.model.reference)
        #expect(trained.manifest.contains(#""unlabelled":1,"unusable":2"#))
        #expect(trained.warnings.contains { $0.hasPrefix("2 rows of the support set") })

        var judged = task.validation
        judged.embeddings[0] = .infinity
        #expect(try train(validation: judged).warnings.contains { $0.hasPrefix("1 rows of the validation set") })
    }

    @Test("classes are matched by name, not by number")
    func classOrder() throws {
        var renumbered = task.support
        renumbered.classes = task.support.classes.reversed()
        renumbered.labels = task.support.labels.map { 3 - $0 }
        #expect(try train(support: renumbered).model.field == train().model.field)
    }

    @Test("sets that do not fit each other are refused with a code and a remedy")
    func refusals() throws {
        func refusal(_ change: (inout TrainingRows) -> Void) -> FailureCode? {
            var rows = task.support
            change(&rows)
            do {
                _ = try train(support: rows)
                return nil
            } catch {
                return (error as? Failure)?.code
            }
        }
        #expect(refusal { $0.labels = $0.labels.map { _ in -1 } } == .noLabels)
        #expect(refusal { ($0.labels, $0.embeddings) = ([], []) } == .noRows)
        #expect(refusal { $0.embeddings = $0.embeddings.map { _ in 0 } } == .noRows)
        #expect(refusal { $0.classes[0] = "unknown" } == .classesMismatch)
        #expect(refusal { $0.labels[0] = 9 } == .classesMismatch)
        #expect(refusal { $0.encoder = "another" } == .encoderMismatch)
        #expect(refusal { $0.dimension = 12 } == .dimensionMismatch)
        #expect(refusal { $0.embeddings.removeLast() } == .dimensionMismatch)

        var prompts = task.prompts
        prompts.labels = prompts.labels.map { $0 == 2 ? -1 : $0 }
        #expect(throws: Failure(.classesMismatch, "")) {
            try Trainer(toolVersion: "sono 0").train(support: task.support, prompts: prompts)
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            try train(task.options(TrainingOptions(solver: .euler, steps: 1)))
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            var options = task.options(TrainingOptions(solver: .dprkn4, steps: 1))
            options.order = 1
            return try train(options)
        }
    }

    @Test("the support accuracy that is told is that of the model that is kept, whichever trial it came out of")
    func supportAccuracy() throws {
        let trained = try train()
        #expect(try trained.chosen.supportAccuracy == accuracy(trained.model, task.support))
        let retrained = try train(validation: .some(nil))
        #expect(try retrained.chosen.supportAccuracy == accuracy(retrained.model, task.support))
        var misled = task.support
        misled.labels = misled.labels.map { ($0 + 1) % 4 }
        let kept = try train(support: misled)
        #expect(try kept.chosen.epoch == 0 && kept.chosen.supportAccuracy == accuracy(kept.model, misled))
    }

    @Test("supplied velocities are trained with at order 2, and ignored aloud below")
    func suppliedVelocity() throws {
        var moving = task.support
        moving.velocity = moving.embeddings.map { $0 * 0.1 }
        let trained = try train(support: moving)
        #expect(trained.model.field != (try train()).model.field)
        #expect(!trained.warnings.contains { $0.contains("velocity") })
        var options = task.options
        options.order = 1
        let first = try train(options, support: moving)
        #expect(first.model.field == (try train(options)).model.field)
        #expect(first.warnings.count { $0.contains("velocity is ignored") } == 1)
    }

    @Test("damping that training would make negative stays at zero, and rises where that helps")
    func dampingProjection() throws {
        var options = task.options
        options.epochs = 1
        options.penalty = 0
        let one = try task.support.selecting(FewShotDraw(shots: 1, seed: 1, from: task.support).rows)
        let d = one.dimension
        /// The damping after one update from zero, where every row starts towards its class or away from it.
        func damping(_ direction: Float) throws -> Float {
            var moving = one
            moving.velocity = try moving.labels.flatMap { label -> [Float] in
                let prompt = try #require(task.prompts.labels.firstIndex(of: label))
                return task.prompts.embeddings[prompt * d..<(prompt + 1) * d].map { 0.1 * direction * $0 }
            }
            // Without rows to choose by the last epoch is kept, whatever it is worth.
            return try train(options, support: moving, validation: .some(nil)).model.field.damping
        }
        #expect(try damping(1) == 0)
        #expect(try damping(-1) > 0)
    }

    @Test("solver and steps are recorded, and the recipe where it chose them")
    func recipe() throws {
        var options = task.options
        options.epochs = 1
        #expect(try train(options).manifest.contains(#""recipe":"gradient""#))
        options = task.options(TrainingOptions(solver: .heun, steps: 3))
        options.epochs = 1
        let trained = try train(options)
        #expect(!trained.manifest.contains("recipe"))
        #expect(trained.model.configuration.solver == .heun && trained.model.configuration.steps == 3)
    }

    @Test("progress counts every epoch of every trial")
    func progress() throws {
        var seen: [TrainingProgress] = []
        var options = task.options
        options.epochs = 5
        _ = try Trainer(options: options, toolVersion: "sono 0").train(
            support: task.support, prompts: task.prompts, validation: task.validation
        ) { seen.append($0) }
        let trials = try #require(seen.first?.trials)
        #expect(seen.map(\.epoch) == Array(repeating: Array(1...5), count: trials).flatMap { $0 })
        #expect(seen.allSatisfy { $0.of == 5 && $0.loss.isFinite && $0.accuracy > 0 })
        #expect(seen.last?.trial == trials)
    }

    @Test("the manifest tells data, options, trials and score; the reference tells what the rows looked like")
    func records() throws {
        var support = task.support
        support.sha256 = "abc"
        let trained = try train(support: support)
        #expect(trained.model.training == trained.manifest)
        let manifest = try #require(
            try JSONSerialization.jsonObject(with: Data(trained.manifest.utf8)) as? [String: Any])
        #expect(manifest["schema"] as? String == "sono-training/1")
        #expect(manifest["tool"] as? String == "sono 0")
        #expect((manifest["support"] as? [String: Any])?["sha256"] as? String == "abc")
        #expect((manifest["options"] as? [String: Any])?["hidden"] as? Int == 16)
        #expect((manifest["trials"] as? [Any])?.count == trained.trials.count)
        let score = try #require((manifest["score"] as? [String: Any])?["accuracy"] as? Double)
        #expect(abs(score - (trained.validation?.accuracy ?? 0)) < 1e-12)

        let text = try #require(trained.model.reference)
        let reference = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(reference["rows"] as? Int == task.support.rows)
        #expect((reference["mean"] as? [Any])?.count == task.support.dimension)
        #expect((reference["class_rows"] as? [Int]) == [12, 12, 12, 12])
    }
}
