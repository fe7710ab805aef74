import Dynamics
import Failures
import Foundation
import Refinement
import Testing

@Suite("Refiner")
struct RefinerTests {
    @Test(
        "in both forms refined vectors, logits and scores are those of the equations, for every order, solver, activation",
        arguments: Solver.systems + [(.rk4, 0)])
    func equations(solver: Solver, order: Int) throws {
        for (number, activation) in Activation.allCases.enumerated() {
            for variation in 0..<3 {
                var model = Model.random(order: order, solver: solver, seed: UInt64(10 * number + variation))
                model.configuration.activation = activation
                var noise = Noise(99)
                let rows = noise.values(5 * 33, gain: 2)
                var velocity: [Float]?
                if variation == 1 {
                    model.velocity = nil
                    model.configuration.mix = 1
                    model.configuration.classifier = .affine
                    model.classifierBias = noise.values(7)
                }
                if variation == 2 { velocity = noise.values(5 * 33, gain: 0.2) }
                let answers = try RefinementForm.allCases.map { form in
                    try Refiner(model: model, form: form).answer(rows, velocity: velocity, topK: 7)
                }
                let plain = PlainModel(model: Model<Double>(model))
                for row in 0..<5 {
                    let range = row * 33..<(row + 1) * 33
                    let expected = plain.logits(Array(rows[range]), velocity: velocity.map { Array($0[range]) })
                    for answer in answers {
                        expectClose(Array(answer.refined[range]), expected.y)
                        expectClose(Array(answer.logits[row * 7..<(row + 1) * 7]), expected.logits)
                        try expectScores(answer.columns, row, expected.logits, temperature: 1.5)
                    }
                }
            }
        }
    }

    @Test(
        "x(T) by itself is what refined vectors are made of; zeros for unusable rows", arguments: [2, 1, 0],
        RefinementForm.allCases)
    func positions(order: Int, form: RefinementForm) throws {
        var model = Model.random(order: order)
        model.configuration.mix = 1
        let refiner = try Refiner(model: model, form: form)
        var noise = Noise(7)
        var rows = noise.values(60 * 33)
        rows[3 * 33] = .nan
        let answer = refiner.answer(rows)
        var positions = [Float](repeating: .nan, count: rows.count)
        rows.withUnsafeBufferPointer { rows in
            positions.withUnsafeMutableBufferPointer { refiner.positions(embeddings: rows, rows: 60, into: $0) }
        }
        for row in 0..<60 {
            let position = positions[row * 33..<(row + 1) * 33].map(Double.init)
            let norm = position.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect((norm == 0) == (row == 3))
            expectClose(
                Array(answer.refined[row * 33..<(row + 1) * 33]), position.map { row == 3 ? 0 : $0 / norm })
        }
    }

    @Test(
        "in both forms an untrained model's logits have the bits of order 0", arguments: Solver.allCases,
        Activation.allCases)
    func untrained(solver: Solver, activation: Activation) throws {
        var noise = Noise(3)
        let prompts = noise.values(12 * 40)
        let labels = (0..<12).map { Int32($0 % 4) }
        let rows = noise.values(60 * 40)
        func answer(order: Int, form: RefinementForm) throws -> Answer {
            var configuration = ModelConfiguration(dimension: 40, hidden: 24)
            configuration.order = order
            configuration.solver = solver
            configuration.steps = 4
            configuration.activation = activation
            configuration.mix = 0.8
            configuration.logitScale = 20
            var model = try Model<Float>.untrained(
                configuration: configuration, classes: ["a", "b", "c", "d"], prompts: prompts, labels: labels,
                velocityHidden: 8, seed: 5)
            model.field.damping = 0.5
            return try Refiner(model: model, form: form).answer(rows)
        }
        let control = try answer(order: 0, form: .direct)
        for form in RefinementForm.allCases {
            #expect(try answer(order: 2, form: form) == control)
            if !solver.isNystrom { #expect(try answer(order: 1, form: form) == control) }
        }
        #expect(control.statuses.allSatisfy { $0 == .ok })
    }

    @Test(
        "a row's bits depend on no split, no order of rows and no number of threads",
        arguments: [2, 1, 0], RefinementForm.allCases)
    func independence(order: Int, form: RefinementForm) throws {
        var model = Model.random(order: order)
        model.configuration.activation = .gelu
        let refiner = try Refiner(model: model, form: form)
        var noise = Noise(4)
        let n = 150
        var rows = noise.values(n * 33)
        var velocity = noise.values(n * 33, gain: 0.2)
        for bad in [5, 47, 48, 101] { rows[bad * 33 + 2] = .nan }
        velocity[20 * 33] = .infinity
        let whole = refiner.answer(rows, velocity: velocity)
        for threads in [2, 3, 8, nil] as [Int?] {
            #expect(refiner.answer(rows, velocity: velocity, threads: threads) == whole)
        }
        for size in [1, 7, 48, 49, 100] {
            var columns = refiner.makeColumns(topK: 3)
            var refined: [Float] = []
            for first in stride(from: 0, to: n, by: size) {
                let range = first * 33..<min(n, first + size) * 33
                let part = refiner.answer(Array(rows[range]), velocity: Array(velocity[range]), threads: 2)
                columns.statuses += part.columns.statuses
                columns.topClasses += part.columns.topClasses
                columns.topScores += part.columns.topScores
                columns.margins += part.columns.margins
                refined += part.refined
            }
            #expect(columns == whole.columns)
            #expect(refined == whole.refined)
        }
    }

    @Test("a row that cannot be used says why, and costs its neighbours nothing", arguments: RefinementForm.allCases)
    func statuses(form: RefinementForm) throws {
        var model = Model.random()
        model.inputMean = nil
        model.configuration.activation = .silu
        let refiner = try Refiner(model: model, form: form)
        var noise = Noise(6)
        let clean = noise.values(9 * 33)
        var velocity = noise.values(9 * 33, gain: 0.1)
        let expected = refiner.answer(clean, velocity: velocity)
        #expect(expected.statuses.allSatisfy { $0 == .ok })

        var rows = clean
        rows[0] = .nan
        rows[2 * 33 + 5] = -.infinity
        for i in 3 * 33..<4 * 33 { rows[i] = 0 }
        for i in 4 * 33..<5 * 33 { rows[i] = .leastNonzeroMagnitude }
        velocity[6 * 33] = .nan
        velocity[7 * 33] = 1e30
        let answer = refiner.answer(rows, velocity: velocity)
        #expect(
            answer.statuses == [
                .nonFinite, .ok, .nonFinite, .zeroNorm, .zeroNorm, .ok, .nonFinite, .diverged, .ok,
            ])
        #expect(answer.statuses == answer.columns.statuses)
        #expect(answer.statuses.map(\.name).contains("zero_norm"))
        for row in 0..<9 {
            let range = row * 33..<(row + 1) * 33
            if answer.statuses[row] == .ok {
                #expect(answer.refined[range] == expected.refined[range])
                #expect(answer.columns.margins[row] == expected.columns.margins[row])
            } else {
                #expect(answer.refined[range].allSatisfy { $0 == 0 })
                #expect(answer.logits[row * 7..<(row + 1) * 7].allSatisfy { $0 == 0 })
                #expect(answer.columns.topClasses[row * 3..<(row + 1) * 3].allSatisfy { $0 == -1 })
                #expect(answer.columns.topScores[row * 3..<(row + 1) * 3].allSatisfy { $0 == 0 })
                #expect(answer.columns.margins[row] == 0)
            }
        }
    }

    @Test("embeddings of any finite length are normalised first")
    func lengths() throws {
        var model = Model.random()
        model.inputMean = nil
        let refiner = try Refiner(model: model)
        var noise = Noise(7)
        let row = noise.values(33)
        let expected = refiner.answer(row)
        // Powers of two change no bits but the exponent.
        for scale in [Float(0x1p-100), 0x1p-20, 0x1p20, 0x1p100] {
            #expect(refiner.answer(row.map { $0 * scale }).refined == expected.refined)
        }
    }

    @Test("the classes kept are the best ones, best first, and equal ones stand in order")
    func topClasses() throws {
        var model = Model.random(order: 0, classes: 40)
        model.prior = nil
        for c in [3, 17, 29] {
            model.classifierWeight.replaceSubrange(c * 33..<(c + 1) * 33, with: model.classifierWeight[..<33])
        }
        let refiner = try Refiner(model: model)
        var noise = Noise(8)
        let rows = noise.values(20 * 33) + model.classifierWeight[..<33].map { $0 + 0.01 }
        for kept in [1, 2, 5, 40, 100] {
            let answer = refiner.answer(rows, topK: kept)
            let columns = answer.columns
            #expect(columns.topK == min(kept, 40))
            for row in 0..<21 {
                let logits = answer.logits[row * 40..<(row + 1) * 40].map { $0 }
                let order = (0..<40).sorted { (-logits[$0], $0) < (-logits[$1], $1) }
                let range = row * columns.topK..<(row + 1) * columns.topK
                #expect(columns.topClasses[range].map { Int($0) } == Array(order.prefix(columns.topK)))
            }
        }
        let last = refiner.answer(rows, topK: 5).columns.topClasses.suffix(5)
        #expect(last.prefix(4) == [0, 3, 17, 29])

        // A caller may ask for more than there is.
        var columns = ResultColumns(topK: 42)
        rows.withUnsafeBufferPointer { refiner.run(embeddings: $0, rows: 1, into: &columns) }
        #expect(columns.topClasses.suffix(2) == [-1, -1] && columns.topScores.suffix(2) == [0, 0])
    }

    @Test("one class alone is certain")
    func oneClass() throws {
        let refiner = try Refiner(model: Model.random(classes: 1))
        var noise = Noise(9)
        let columns = refiner.answer(noise.values(33)).columns
        #expect(columns.topClasses == [0] && columns.topScores == [1] && columns.margins == [1])
    }

    @Test("results take at most 40 bytes a row with three classes kept")
    func compact() {
        let row =
            MemoryLayout<RowStatus>.stride + 3 * MemoryLayout<Int32>.stride + 3 * MemoryLayout<Float>.stride
            + MemoryLayout<Float>.stride
        #expect(row <= 40)
    }

    @Test("solver and steps can be chosen, and what they do is told")
    func choices() throws {
        let refiner = try Refiner(model: Model.random(), solver: .heun, steps: 5)
        #expect(refiner.configuration.solver == .heun && refiner.configuration.steps == 5)
        #expect(refiner.evaluations == 9)
        #expect(refiner.form == .hidden && ["avx512", "avx2", "portable"].contains(refiner.kernel))
        #expect(try Refiner(model: Model.random(order: 1), steps: 4).evaluations == 16)
        #expect(try Refiner(model: Model.random(order: 0)).evaluations == 0)
    }

    @Test("a step count that never evaluates the field is refused")
    func neverEvaluated() throws {
        var model = Model.random()
        #expect(throws: Failure(.invalidArgument, "")) { try Refiner(model: model, solver: .euler, steps: 1) }
        #expect(throws: Failure(.invalidArgument, "")) { try Refiner(model: model, steps: 0) }
        model.configuration.solver = .euler
        model.configuration.steps = 1
        #expect(throws: Failure(.modelInvalid, "")) { try Refiner(model: model) }
        #expect(throws: Failure(.modelInvalid, "")) { try model.check() }
        model.configuration.steps = 2
        #expect(try Refiner(model: model).evaluations == 1)
        #expect(try Refiner(model: Model.random(order: 1), solver: .euler, steps: 1).evaluations == 1)
    }

    @Test("a Nyström method is refused, with the reason, where it is not valid")
    func nystromRefused() throws {
        let coupled = Model.random()
        #expect(throws: Failure(.invalidArgument, "")) { try Refiner(model: coupled, solver: .dprkn4) }
        #expect(try #require(coupled.objection(to: .nystrom4)).contains("field.velocity.weight is not zero"))
        #expect(coupled.objection(to: .rk4) == nil)
        let first = Model.random(order: 1)
        #expect(throws: Failure(.invalidArgument, "")) { try Refiner(model: first, solver: .nystrom4) }
        #expect(try #require(first.objection(to: .nystrom4)).contains("order 1"))

        var own = Model.random(solver: .dprkn4)
        #expect(try Refiner(model: own).evaluations == 9)
        #expect(try Refiner(model: own, solver: .nystrom4, steps: 2).evaluations == 5)
        own.field.velocityWeight[3] = 0.1
        #expect(throws: Failure(.modelInvalid, "")) { try Refiner(model: own) }
    }

    @Test("damping beyond what the method can damp is warned about")
    func damping() throws {
        var model = Model.random()
        model.configuration.horizon = 1
        model.field.damping = 5
        #expect(try Refiner(model: model, solver: .rk4, steps: 2).warnings.isEmpty)
        #expect(try Refiner(model: model, solver: .rk4, steps: 1).warnings.count == 1)
        #expect(try Refiner(model: model, solver: .heun, steps: 2).warnings.count == 1)
        #expect(try Refiner(model: model, solver: .heun, steps: 3).warnings.isEmpty)
        #expect(try Refiner(model: Model.random(order: 1), steps: 1).warnings.isEmpty)
        var free = Model.random(solver: .dprkn4)
        free.configuration.horizon = 1
        // exp(γh/2) is no number any more.
        free.field.damping = 5_000
        #expect(throws: Failure(.modelInvalid, "")) { try Refiner(model: free) }
        free.configuration.solver = .rk4
        #expect(throws: Failure(.invalidArgument, "")) { try Refiner(model: free, solver: .dprkn4, steps: 1) }
        free.configuration.solver = .dprkn4
        free.field.damping = 5
        #expect(try Refiner(model: free, steps: 1).warnings.count == 1)
        #expect(try Refiner(model: free, steps: 2).warnings.isEmpty)
    }

    private func expectClose(_ values: [Float], _ expected: [Double]) {
        for (value, exact) in zip(values, expected) {
            #expect(abs(Double(value) - exact) <= 1e-5 * max(1, abs(exact)))
        }
    }

    private func expectScores(
        _ columns: ResultColumns, _ row: Int, _ logits: [Double], temperature: Double
    ) throws {
        let top = try #require(logits.max())
        let weights = logits.map { exp(($0 - top) / temperature) }
        let sum = weights.reduce(0, +)
        let kept = columns.topK
        for k in 0..<kept {
            let c = Int(columns.topClasses[row * kept + k])
            #expect(abs(Double(columns.topScores[row * kept + k]) - weights[c] / sum) < 1e-5)
        }
        let scores = columns.topScores[row * kept..<(row + 1) * kept]
        #expect(abs(scores.reduce(0, +) - 1) < 1e-5)
        #expect(columns.margins[row] == scores[row * kept] - scores[row * kept + 1])
    }
}
