import Dynamics
import Refinement
import Training

/// What varies between the models that gradients are checked on.
struct Case: Sendable, CustomStringConvertible {
    enum InitialVelocity: String, CaseIterable {
        case rest
        case network
        case supplied
    }

    var order = 2
    var solver = Solver.rk4
    var activation = Activation.tanh
    var steps = 2
    var initialVelocity = InitialVelocity.network
    var classifier = ClassifierKind.cosine
    var hasPrior = true

    var description: String {
        "order \(order), \(solver.rawValue), \(steps) steps, \(activation.rawValue), \(initialVelocity.rawValue), "
            + "\(classifier.rawValue)\(hasPrior ? ", prior" : "")"
    }

    /// Every order, solver and activation, at one and at two steps, from rest, a network and a supplied velocity.
    static var all: [Case] {
        var cases: [Case] = []
        for solver in Solver.allCases {
            for activation in Activation.allCases {
                for steps in 1...2 {
                    if !solver.isNystrom {
                        cases.append(Case(order: 1, solver: solver, activation: activation, steps: steps))
                    }
                    // Euler in one step never evaluates S; such a model is refused.
                    guard solver != .euler || steps > 1 else { continue }
                    for velocity in InitialVelocity.allCases {
                        cases.append(
                            Case(
                                solver: solver, activation: activation, steps: steps, initialVelocity: velocity,
                                classifier: steps == 1 ? .affine : .cosine, hasPrior: velocity != .rest))
                    }
                }
            }
        }
        cases.append(Case(order: 2, steps: 3, classifier: .affine))
        for classifier in ClassifierKind.allCases { cases.append(Case(order: 0, classifier: classifier)) }
        return cases
    }
}

/// A model with random non-zero weights everywhere, and rows to go with it.
struct RandomModel<S: KernelScalar> {
    let model: Model<S>
    let batches: [TrainingBatch<S>]

    init(_ it: Case, seed: UInt64, dimension d: Int = 5, hidden: Int = 4, rows: [Int] = [4, 3]) {
        var generator = SplitMix64(seed: seed)
        func random(_ count: Int, _ size: Double = 0.7) -> [S] {
            (0..<count).map { _ in S(size * generator.gaussian()) }
        }
        let (h, g, c) = (it.order == 0 ? 0 : hidden, 3, 4)
        var configuration = ModelConfiguration(dimension: d, hidden: h)
        configuration.order = it.order
        configuration.activation = it.activation
        configuration.solver = it.solver
        configuration.steps = it.steps
        configuration.horizon = 1.3
        configuration.mix = 0.6
        configuration.logitScale = 3.5
        configuration.priorScale = 1.7
        configuration.classifier = it.classifier
        var model = Model<S>(
            configuration: configuration, classes: (0..<c).map { "class \($0)" }, classifierWeight: random(c * d))
        if it.order > 0 {
            model.field.positionWeight = random(h * d)
            model.field.timeWeight = random(h)
            model.field.bias = random(h)
            model.field.outputWeight = random(d * h)
            model.field.outputBias = random(d)
        }
        if it.order == 2 {
            model.field.velocityWeight = random(h * d, it.solver.isNystrom ? 0 : 0.7)
            model.field.damping = S(0.3)
        }
        if it.order == 2, it.initialVelocity == .network {
            var network = VelocityNetwork<S>()
            network.inputWeight = random(g * d)
            network.inputBias = random(g)
            network.outputWeight = random(d * g)
            network.outputBias = random(d)
            model.velocity = network
        }
        if it.classifier == .affine { model.classifierBias = random(c) }
        if it.hasPrior { model.prior = random(c * d) }
        self.model = model

        batches = rows.map { rows in
            var start = random(rows * d, 1)
            for row in 0..<rows {
                let norm = start[row * d..<(row + 1) * d].reduce(0) { $0 + $1 * $1 }.squareRoot()
                for i in 0..<d { start[row * d + i] /= norm }
            }
            return TrainingBatch(
                start: start, velocity: it.order == 2 && it.initialVelocity == .supplied ? random(rows * d) : nil,
                // The last row has no label, only a penalty.
                labels: (0..<rows).map { $0 == rows - 1 ? -1 : Int32(generator.below(c)) },
                weights: (0..<rows).map { _ in S(generator.uniform()) },
                penalties: (0..<rows).map { _ in S(generator.uniform()) })
        }
    }
}
