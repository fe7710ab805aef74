import Dynamics
import Refinement

/// Reproducible Gaussian-like numbers: sums of four uniform ones, of variance 1.
struct Noise {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next() -> Double {
        var sum = 0.0
        for _ in 0..<4 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sum += Double(state >> 11) / Double(1 << 53) - 0.5
        }
        return sum * 3.0.squareRoot()
    }

    mutating func values(_ count: Int, gain: Double = 1) -> [Float] {
        (0..<count).map { _ in Float(gain * next()) }
    }
}

extension Model<Float> {
    /// A model with every part that its order and its solver allow, all of it random.
    static func random(
        order: Int = 2, solver: Solver = .rk4, dimension d: Int = 33, hidden h: Int = 19, classes c: Int = 7,
        seed: UInt64 = 1
    ) -> Model<Float> {
        var noise = Noise(seed)
        var configuration = ModelConfiguration(dimension: d, hidden: order == 0 ? 0 : h)
        configuration.order = order
        configuration.solver = solver
        configuration.steps = 3
        configuration.horizon = 1.2
        configuration.mix = 0.7
        configuration.logitScale = 9
        configuration.priorScale = 3
        configuration.temperature = 1.5
        configuration.encoder = "test"
        var model = Model(
            configuration: configuration, classes: (0..<c).map { "class \($0)" },
            classifierWeight: noise.values(c * d))
        model.prior = noise.values(c * d, gain: 0.2)
        model.inputMean = noise.values(d, gain: 0.1)
        guard order > 0 else { return model }
        let output = 1 / Double(d * h).squareRoot()
        model.field.positionWeight = noise.values(h * d, gain: 1.5)
        model.field.timeWeight = noise.values(h)
        model.field.bias = noise.values(h, gain: 0.5)
        model.field.outputWeight = noise.values(d * h, gain: 2 * output)
        model.field.outputBias = noise.values(d, gain: 0.1)
        guard order == 2 else { return model }
        model.field.velocityWeight = noise.values(h * d, gain: solver.isNystrom ? 0 : 1.5)
        model.field.damping = 0.7
        var network = VelocityNetwork<Float>()
        network.inputWeight = noise.values(11 * d)
        network.inputBias = noise.values(11, gain: 0.3)
        network.outputWeight = noise.values(d * 11, gain: 0.05)
        network.outputBias = noise.values(d, gain: 0.05)
        model.velocity = network
        return model
    }
}

/// What a refiner says about some rows.
struct Answer: Equatable {
    var columns: ResultColumns
    var refined: [Float]
    var logits: [Float]
    var statuses: [RowStatus]
}

extension Refiner {
    /// Refines rows in Swift arrays, `[n, D]`.
    func answer(_ rows: [Float], velocity: [Float]? = nil, topK: Int = 3, threads: Int? = 1) -> Answer {
        let d = configuration.dimension
        let n = rows.count / d
        // Separate variables: parts of one variable must not be written at the same time through a closure.
        var columns = makeColumns(topK: topK)
        var refined = [Float](repeating: .nan, count: n * d)
        var logits = [Float](repeating: .nan, count: n * classes.count)
        var statuses: [RowStatus] = []
        func compute(_ rows: UnsafeBufferPointer<Float>, _ velocity: UnsafeBufferPointer<Float>?) {
            refined.withUnsafeMutableBufferPointer { refined in
                run(
                    embeddings: rows, velocity: velocity, rows: n, threads: threads, into: &columns, refined: refined)
            }
            statuses = logits.withUnsafeMutableBufferPointer { logits in
                self.logits(embeddings: rows, velocity: velocity, rows: n, threads: threads, into: logits)
            }
        }
        rows.withUnsafeBufferPointer { rows in
            if let velocity { velocity.withUnsafeBufferPointer { compute(rows, $0) } } else { compute(rows, nil) }
        }
        return Answer(columns: columns, refined: refined, logits: logits, statuses: statuses)
    }
}
