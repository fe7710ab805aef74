import Dynamics
import Refinement
import Testing

@Suite("Choice of form")
struct FormTests {
    @Test("the form with fewer counted operations is chosen, and either can be asked for")
    func choice() throws {
        // As wide as D, the hidden layer pays; twice as wide, it does not.
        for (hidden, expected) in [(8, RefinementForm.hidden), (33, .hidden), (66, .direct)] {
            let model = Model.random(hidden: hidden)
            let chosen = try Refiner(model: model)
            #expect(chosen.form == expected && chosen.warnings.isEmpty)
            let both = try RefinementForm.allCases.map { try Refiner(model: model, form: $0) }
            #expect(both.map(\.form) == RefinementForm.allCases)
            #expect(chosen.operations == both.map(\.operations).min())
            #expect(Set(both.map(\.evaluations)).count == 1)
        }
        #expect(try Refiner(model: Model.random(order: 0), form: .hidden).form == .direct)
    }

    @Test("operations are those of the products, with the classification apart")
    func operations() throws {
        var model = Model.random(dimension: 40, hidden: 24, classes: 5)
        model.configuration.solver = .rk4
        model.configuration.steps = 4
        model.field.damping = 0
        let direct = try Refiner(model: model, form: .direct)
        // 15 evaluations with Wx, Wv and W2, and once V1 and V2.
        #expect(direct.operations == 15 * 6 * 40 * 24 + 4 * 40 * 11)
        let hidden = try Refiner(model: model, form: .hidden)
        #expect(hidden.operations == 4 * 40 * 24 + 4 * 40 * 11 + 4 * 11 * 24 + 54 * 24 * 24)
        // A field that reads no velocity costs no product with it.
        var still = model
        still.field.velocityWeight = still.field.velocityWeight.map { _ in 0 }
        #expect(try Refiner(model: still, form: .direct).operations == 15 * 4 * 40 * 24 + 4 * 40 * 11)
        // A Nyström method leaves Wv out, and evaluates twelve times.
        var free = Model.random(solver: .dprkn4, dimension: 40, hidden: 24, classes: 5)
        free.configuration.steps = 4
        #expect(try Refiner(model: free, form: .direct).operations == 12 * 4 * 40 * 24 + 4 * 40 * 11)
        // Wc and Wp.
        #expect(direct.classificationOperations == 4 * 40 * 5)
        model.prior = nil
        #expect(try Refiner(model: model).classificationOperations == 2 * 40 * 5)
        #expect(try Refiner(model: Model.random(order: 0)).operations == 0)
    }

    @Test("a model whose forms differ goes back to the direct form, and says so; asked for, the hidden one is kept")
    func fallback() throws {
        var model = Model.random()
        // A steep field: what rounding leaves between the forms grows with every stage.
        model.configuration.steps = 8
        model.field.positionWeight = model.field.positionWeight.map { 8 * $0 }
        model.field.outputWeight = model.field.outputWeight.map { 30 * $0 }
        let chosen = try Refiner(model: model)
        #expect(chosen.form == .direct)
        #expect(chosen.warnings.count == 1 && chosen.warnings[0].contains("direct form is used"))
        let asked = try Refiner(model: model, form: .hidden)
        #expect(asked.form == .hidden)
        #expect(asked.warnings.count == 1 && asked.warnings[0].contains("as asked"))
        #expect(try Refiner(model: model, form: .direct).warnings.isEmpty)
    }

    @Test("twenty random models of common shapes stay within 1e-5 of the equations in Double", arguments: 0..<20)
    func randomModels(number: Int) throws {
        let (d, h) = [(128, 32), (192, 48), (256, 64), (384, 96)][number % 4]
        var model = Model.random(dimension: d, hidden: h, classes: 10, seed: UInt64(100 + number))
        model.configuration.activation = Activation.allCases[number % 3]
        model.configuration.solver = number % 2 == 0 ? .rk4 : .rk4ThreeEighths
        model.configuration.steps = 1 + number % 5
        model.configuration.mix = number % 3 == 0 ? 1 : 0.4
        if number % 5 == 0 { model.field.damping = 0 }
        if number % 7 == 0 { model.velocity = nil }
        let refiner = try Refiner(model: model)
        #expect(refiner.form == .hidden && refiner.warnings.isEmpty)
        var noise = Noise(UInt64(number))
        let rows = noise.values(3 * d)
        let velocity = number % 4 == 1 ? noise.values(3 * d, gain: 0.1) : nil
        let answer = refiner.answer(rows, velocity: velocity)
        let plain = PlainModel(model: Model<Double>(model))
        for row in 0..<3 {
            let range = row * d..<(row + 1) * d
            let expected = plain.logits(Array(rows[range]), velocity: velocity.map { Array($0[range]) })
            for (value, exact) in zip(answer.refined[range], expected.y) {
                #expect(abs(Double(value) - exact) <= 1e-5 * max(1, abs(exact)))
            }
            for (value, exact) in zip(answer.logits[row * 10..<(row + 1) * 10], expected.logits) {
                #expect(abs(Double(value) - exact) <= 1e-5 * max(1, abs(exact)))
            }
        }
    }
}
