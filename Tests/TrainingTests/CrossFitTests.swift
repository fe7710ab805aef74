import Dynamics
import EmbeddingSets
import Foundation
import Refinement
import Testing
import Training

/// What NumPy says about the closed form, without any equation; `Fixtures/crossfit.py` made it.
private struct CrossFitFixture: Decodable {
    struct Case: Decodable {
        let shots: Int
        let velocityHidden: Int
        let hidden: Int
        let shrinkage: Double
        let share: Double
        let ridges: [Double]
        let sizes: [Double]
        let accuracy: Double
        let nll: Double
        /// Of the first test rows, their mean taken off.
        let logits: [[Double]]
    }

    let cases: [Case]

    static func load() throws -> CrossFitFixture {
        let url = try #require(
            Bundle.module.url(forResource: "crossfit", withExtension: "json", subdirectory: "Fixtures"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(CrossFitFixture.self, from: Data(contentsOf: url))
    }
}

@Suite("training in closed form")
struct CrossFitTests {
    private let task = SyntheticTask()

    private static func section(_ name: String) throws -> EmbeddingSet {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        return try EmbeddingSet.read(
            path: root.appending(path: "Sources/sono/Resources/debian-sections/\(name).safetensors.zst").path)
    }

    private static func rows(_ name: String, perClass: Int = .max) throws -> TrainingRows {
        let all = try TrainingRows(section(name), name: name)
        var seen: [Int32: Int] = [:]
        return try all.selecting(
            all.labels.indices.filter { row in
                seen[all.labels[row], default: 0] += 1
                return seen[all.labels[row], default: 0] <= perClass
            })
    }

    private func train(
        _ options: TrainingOptions, support: TrainingRows? = nil, validation: TrainingRows?? = .none
    ) throws -> TrainedModel {
        try Trainer(options: options, toolVersion: "sono 0").train(
            support: support ?? task.support, prompts: task.prompts, validation: validation ?? task.validation)
    }

    /// Served logits, temperature included, `[n, C]`.
    private func logits(_ model: Model<Float>, _ rows: TrainingRows) throws -> [Float] {
        let refiner = try Refiner(model: model)
        var logits = [Float](repeating: 0, count: rows.rows * model.classes.count)
        rows.embeddings.withUnsafeBufferPointer { embeddings in
            logits.withUnsafeMutableBufferPointer {
                _ = refiner.logits(embeddings: embeddings, rows: rows.rows, threads: 2, into: $0)
            }
        }
        return logits.map { $0 / Float(model.configuration.temperature) }
    }

    private func accuracy(_ model: Model<Float>, _ rows: TrainingRows) throws -> Double {
        let c = model.classes.count
        let z = try logits(model, rows)
        let right = (0..<rows.rows).count { row in
            let own = z[row * c..<(row + 1) * c]
            return own.indices.allSatisfy { own[$0] <= own[own.startIndex + Int(rows.labels[row])] }
        }
        return Double(right) / Double(rows.rows)
    }

    @Test("an equation fitted in closed form answers as NumPy computes without one, on real rows", arguments: 0..<4)
    func independent(_ index: Int) throws {
        let expected = try CrossFitFixture.load().cases[index]
        var options = TrainingOptions.standard
        (options.velocityHidden, options.hidden) = (expected.velocityHidden, expected.hidden)
        let trained = try Trainer(options: options, toolVersion: "sono 0").train(
            support: Self.rows("support", perClass: expected.shots), prompts: Self.rows("prompts"),
            validation: Self.rows("validation"))
        func best(_ step: String) throws -> SearchPoint {
            try #require(trained.search.filter { $0.step == step }.min { $0.nll < $1.nll })
        }
        #expect(try best("head").settings == ["shrinkage": expected.shrinkage, "share": expected.share])
        for (step, size, ridge) in [("first", expected.sizes[0], expected.ridges[0])] where size > 0 {
            #expect(try best(step).settings == ["size": size, "ridge": ridge])
        }
        let test = try Self.rows("test")
        #expect(abs(try accuracy(trained.model, test) - expected.accuracy) < 0.003)
        let c = trained.model.classes.count
        let served = try logits(trained.model, test)
        for (row, own) in expected.logits.enumerated() {
            let z = served[row * c..<(row + 1) * c].map(Double.init)
            let mean = z.reduce(0, +) / Double(c)
            let worst = zip(z, own).map { abs($0 - mean - $1) }.max() ?? 0
            let size = own.map(abs).max() ?? 1
            // The solver's stages see rows on their way and what is moved is normalised: a first-order difference.
            #expect(worst < 0.15 * size, "row \(row): \(worst) of \(size)")
        }
    }

    @Test("it beats zero-shot on rows it never saw, at every order, by every kind of solver", arguments: [0, 1, 2])
    func learns(_ order: Int) throws {
        for solver in [Solver.rk4, .midpoint, .dprkn4] where order == 2 || !solver.isNystrom {
            var options = TrainingOptions(budget: .fast, solving: (solver, 2))
            options.order = order
            let trained = try train(options)
            var none = options
            (none.budget, none.epochs) = (nil, 0)
            let before = try accuracy(train(none).model, task.test)
            let after = try accuracy(trained.model, task.test)
            #expect(after > before + 0.03, "\(order) \(solver): \(before) -> \(after)")
            #expect(trained.model.configuration.order == order)
        }
    }

    @Test("moving pays where classes are bent: order 2 beats the same recipe without an equation")
    func refinementPays() throws {
        var gain = 0.0
        for seed in 1...4 {
            let task = SyntheticTask(seed: UInt64(seed), shots: 40)
            func accuracy(_ order: Int) throws -> Double {
                var options = TrainingOptions.standard
                options.order = order
                let model = try Trainer(options: options, toolVersion: "sono 0").train(
                    support: task.support, prompts: task.prompts, validation: task.validation
                ).model
                return try self.accuracy(model, task.test)
            }
            gain += try (accuracy(2) - accuracy(0)) / 4
        }
        #expect(gain > 0.01, "\(gain)")
    }

    @Test("where classes are round, moving does no harm, and a model that does not move says so")
    func harmless() throws {
        var difference = 0.0
        for seed in 1...6 {
            let round = SyntheticTask(seed: UInt64(seed), bend: 0)
            func accuracy(_ order: Int) throws -> Double {
                var options = TrainingOptions(budget: .fast)
                options.order = order
                let trained = try Trainer(options: options, toolVersion: "sono 0").train(
                    support: round.support, prompts: round.prompts, validation: round.validation)
                let says = trained.warnings.contains { $0.contains("did not pay") }
                #expect(says == (order > 0 && trained.model.configuration.order == 0))
                return try self.accuracy(trained.model, round.test)
            }
            difference += try (accuracy(2) - accuracy(0)) / 6
        }
        #expect(difference > -0.01, "\(difference)")
    }

    @Test("the same rows give the same model for any number of threads")
    func determinism() throws {
        var options = TrainingOptions(budget: .fast)
        options.threads = 1
        let one = try train(options)
        options.threads = 3
        let three = try train(options)
        #expect(one.model == three.model)
        #expect(one.manifest == three.manifest)
    }

    @Test("without validation rows every support row is judged by fits that have not seen it")
    func withoutValidation() throws {
        let trained = try train(.standard, validation: .some(nil))
        #expect(trained.selection == .crossFit)
        #expect(trained.validation?.rows == task.support.rows)
        #expect(try accuracy(trained.model, task.test) > 1.5 / 4)
        #expect(trained.model.configuration.temperature != 1)
    }

    @Test("one row a class and no validation rows, or a class without any: trains, and tells what it cannot know")
    func oneShot() throws {
        let one = try task.support.selecting(FewShotDraw(shots: 1, seed: 1, from: task.support).rows)
        let trained = try train(.standard, support: one, validation: .some(nil))
        #expect(trained.validation == nil && trained.selection == .none)
        #expect(trained.warnings.contains { $0.contains("not calibrated") })
        #expect(try accuracy(trained.model, task.test) > 0.25)

        let lacking = try task.support.selecting(task.support.labels.indices.filter { task.support.labels[$0] != 2 })
        let without = try train(.standard, support: lacking)
        #expect(without.warnings.contains { $0.contains("have no support rows") })
        #expect(try accuracy(without.model, task.test) > 0.25)
    }

    @Test("where the rows only mislead, the zero-shot start is kept and the manifest says so")
    func fallback() throws {
        var misled = task.support
        misled.labels = misled.labels.map { ($0 + 1) % 4 }
        var options = TrainingOptions(solver: .rk4, steps: 1)
        options.epochs = 0
        let zeroShot = try accuracy(train(options).model, task.validation)
        #expect(try accuracy(train(.standard, support: misled).model, task.validation) >= zeroShot)
    }

    @Test("the manifest records every setting that was tried")
    func manifest() throws {
        let trained = try train(.standard)
        let manifest = try #require(
            try JSONSerialization.jsonObject(with: Data(trained.manifest.utf8)) as? [String: Any])
        let search = try #require(manifest["search"] as? [[String: Any]])
        #expect(search.count { $0["step"] as? String == "head" } == 120)
        #expect(search.count { $0["step"] as? String == "first" } == 30)
        #expect(search.count { $0["step"] as? String == "second" } == 30)
        #expect((manifest["options"] as? [String: Any])?["budget"] as? String == "standard")
    }

    @Test("thorough also trains by gradients and keeps the likelier of the two")
    func thorough() throws {
        let trained = try train(TrainingOptions(budget: .thorough))
        #expect(trained.trials.count == 3)
        let best = trained.trials.compactMap(\.validation?.nll).min()
        #expect(trained.validation?.nll == best)
    }
}
