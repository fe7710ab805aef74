import Dynamics
import Refinement

// What was fitted, as a model that serving understands.
extension CrossFit {
    /// Whether a row is moved at all.
    var moves: Bool { first.size > 0 || second.size > 0 }

    /// The model, with its temperature; of order 0 where nothing moves.
    mutating func model(_ task: TrainingTask) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: d, hidden: 0)
        configuration.order = moves ? options.order : 0
        configuration.activation = options.activation
        configuration.solver = options.solver
        configuration.steps = options.steps
        configuration.horizon = options.horizon
        configuration.mix = options.mix
        configuration.classifier = .affine
        configuration.encoder = task.encoder
        let head = head(Self.none)
        var model = Model<Float>(
            configuration: configuration, classes: task.classes,
            classifierWeight: head.weight.map { Float($0 / first.temperature) })
        model.classifierBias = head.bias.map { Float($0 / first.temperature) }
        model.configuration.temperature = second.temperature
        guard moves else { return model }

        let accelerated = options.order == 1 ? firsts(Self.none).first : seconds(Self.none).first
        let size = options.order == 1 ? first.size : second.size * first.temperature
        model.field = field(accelerated, size: size)
        model.configuration.hidden = model.field.bias.count
        if options.order == 2, let correction = firsts(Self.none).first {
            var network = VelocityNetwork<Float>()
            network.inputWeight = correction.layer.weight
            network.inputBias = correction.layer.bias
            network.outputWeight = output(correction, size: first.size / (options.horizon * options.mix))
            network.outputBias = [Float](repeating: 0, count: d)
            model.velocity = network
        }
        return model
    }

    /// A field of one idle unit where there is no correction.
    private mutating func field(_ correction: LogitCorrection?, size: Double) -> FieldWeights<Float> {
        var field = FieldWeights<Float>()
        field.outputBias = [Float](repeating: 0, count: d)
        guard let correction else {
            field.positionWeight = [Float](repeating: 0, count: d)
            field.velocityWeight = options.order == 2 ? field.positionWeight : []
            (field.timeWeight, field.bias, field.outputWeight) = ([0], [0], [Float](repeating: 0, count: d))
            return field
        }
        field.positionWeight = correction.layer.weight
        if options.order == 2 {
            // The stages see the velocity's third already.
            let ahead = options.solver.isNystrom ? 0 : Float(options.horizon * (lookAhead - 1.0 / 3))
            field.velocityWeight = correction.layer.weight.map { ahead * $0 }
        }
        field.timeWeight = [Float](repeating: 0, count: correction.layer.width)
        field.bias = correction.layer.bias
        field.outputWeight = output(correction, size: size / (response * options.mix))
        return field
    }

    /// The move that a constant slope of 1 makes: at order 1 `T`, at order 2 `T² / 2` to the solver's order.
    private var response: Double {
        guard options.order == 2 else { return options.horizon }
        var configuration = ModelConfiguration(dimension: 1, hidden: 1)
        configuration.solver = options.solver
        configuration.steps = options.steps
        configuration.horizon = options.horizon
        var model = Model<Double>(configuration: configuration, classes: ["any"], classifierWeight: [1])
        model.field.positionWeight = [0]
        model.field.velocityWeight = [0]
        (model.field.timeWeight, model.field.bias, model.field.outputWeight) = ([0], [0], [0])
        model.field.outputBias = [1]
        return GradientEngine(model, threads: 1).forward(model.parameters, start: [0]).end[0]
    }

    /// `[D, H]`: what turns `act(...)` into the move that changes the logits as the correction says, times `size`.
    private mutating func output(_ correction: LogitCorrection, size: Double) -> [Float] {
        let h = correction.layer.width
        let move = Matrices.product(
            correction.readout, inverse(Self.none), rows: h, inner: c, columns: d, threads: threads)
        let factor = size / Double(correction.layer.scale)
        return Matrices.transposed(move, rows: h, columns: d).map { Float(factor * $0) }
    }
}
