import Dynamics
import Refinement
import Testing
import Training

@Suite struct GradientTests {
    @Test("every parameter's gradient is the slope of the loss, by central differences in Double", arguments: Case.all)
    func centralDifferences(_ it: Case) {
        let setup = RandomModel<Double>(it, seed: 7)
        let engine = GradientEngine(setup.model, threads: 1)
        var parameters = setup.model.parameters
        let gradient = engine.gradient(parameters, setup.batches).gradient
        let step = 1e-5
        for parameter in Parameter.allCases {
            let range = engine.layout[parameter]
            for index in range {
                let value = parameters[index]
                parameters[index] = value + step
                let above = engine.gradient(parameters, setup.batches).loss.total
                parameters[index] = value - step
                let below = engine.gradient(parameters, setup.batches).loss.total
                parameters[index] = value
                let slope = (above - below) / (2 * step)
                #expect(
                    abs(slope - gradient[index]) < 1e-7 * max(1, abs(slope)),
                    "\(parameter.rawValue)[\(index - range.lowerBound)]: \(gradient[index]) for \(slope)")
            }
        }
    }

    @Test("no check is vacuous: each kind of parameter moves the loss", arguments: [0, 1, 2], ClassifierKind.allCases)
    func sensitivity(_ order: Int, _ classifier: ClassifierKind) {
        let setup = RandomModel<Double>(Case(order: order, classifier: classifier), seed: 7)
        let engine = GradientEngine(setup.model, threads: 1)
        let gradient = engine.gradient(setup.model.parameters, setup.batches).gradient
        var seen: Set<Parameter> = []
        for parameter in Parameter.allCases where !engine.layout[parameter].isEmpty {
            let largest = engine.layout[parameter].map { abs(gradient[$0]) }.max() ?? 0
            #expect(largest > 1e-3, "\(parameter.rawValue)")
            seen.insert(parameter)
        }
        let expected =
            switch order {
            case 0: classifier == .affine ? 4 : 3
            case 1: classifier == .affine ? 10 : 9
            default: classifier == .affine ? 16 : 15
            }
        #expect(seen.count == expected)
    }

    @Test("Float and Double agree", arguments: [0, 1, 2])
    func precision(_ order: Int) {
        let setup = RandomModel<Double>(Case(order: order), seed: 3)
        let exact = GradientEngine(setup.model).gradient(setup.model.parameters, setup.batches)
        let single = Model<Float>(setup.model)
        let batches = setup.batches.map { batch in
            TrainingBatch<Float>(
                start: batch.start.map(Float.init), velocity: batch.velocity?.map(Float.init), labels: batch.labels,
                weights: batch.weights.map(Float.init), penalties: batch.penalties.map(Float.init))
        }
        let rounded = GradientEngine(single).gradient(single.parameters, batches)
        #expect(abs(rounded.loss.total - exact.loss.total) < 1e-5 * exact.loss.total)
        for (a, b) in zip(rounded.gradient, exact.gradient) { #expect(abs(Double(a) - b) < 2e-5 * max(1, abs(b))) }
    }

    @Test("the gradient has the same bits for any number of threads")
    func threads() {
        // More rows than one wave of chunks, and a last chunk that is not full.
        let rows = [GradientEngine<Float>.chunkRows * 17 + 5, 3]
        let setup = RandomModel<Float>(Case(), seed: 5, dimension: 24, hidden: 16, rows: rows)
        let reference = GradientEngine(setup.model, threads: 1).gradient(setup.model.parameters, setup.batches)
        for threads in [2, 3, 7] {
            let other = GradientEngine(setup.model, threads: threads).gradient(setup.model.parameters, setup.batches)
            #expect(other.gradient == reference.gradient)
            #expect(other.loss == reference.loss)
        }
    }

    @Test("rows in chunks give the sum of the rows alone")
    func chunks() {
        let rows = GradientEngine<Double>.chunkRows * 2 + 9
        let setup = RandomModel<Double>(Case(), seed: 11, rows: [rows])
        let engine = GradientEngine(setup.model)
        let whole = engine.gradient(setup.model.parameters, setup.batches)
        let batch = setup.batches[0]
        let alone = (0..<rows).map { row in
            TrainingBatch(
                start: Array(batch.start[row * 5..<row * 5 + 5]), labels: [batch.labels[row]],
                weights: [batch.weights[row]], penalties: [batch.penalties[row]])
        }
        let sum = engine.gradient(setup.model.parameters, alone)
        #expect(whole.loss.right == sum.loss.right)
        #expect(abs(whole.loss.total - sum.loss.total) < 1e-12 * whole.loss.total)
        for (a, b) in zip(whole.gradient, sum.gradient) { #expect(abs(a - b) < 1e-10 * max(1, abs(b))) }
    }
}
