import Dynamics
import Refinement

extension TrainingOptions {
    /// The model that training starts from: zero-shot, whatever its order.
    func untrained(dimension: Int, classes: [String], prompts: PreparedRows, encoder: String?) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: dimension, hidden: order == 0 ? 0 : hidden)
        configuration.order = order
        configuration.activation = activation
        configuration.solver = solver
        configuration.steps = steps
        configuration.horizon = horizon
        configuration.mix = mix
        configuration.logitScale = logitScale
        configuration.priorScale = priorScale
        configuration.classifier = classifier
        configuration.encoder = encoder
        var model = try Model<Float>.untrained(
            configuration: configuration, classes: classes, prompts: prompts.start, labels: prompts.labels,
            velocityHidden: order == 2 && velocityHidden > 0 ? velocityHidden : nil, seed: seed)
        // Rows are unit vectors and the weights have variance 1, so preactivations have spread 1.
        let factor = Float(initialSpread)
        func rescale(_ weights: inout [Float]) { for i in weights.indices { weights[i] *= factor } }
        rescale(&model.field.positionWeight)
        rescale(&model.field.velocityWeight)
        rescale(&model.field.timeWeight)
        if var network = model.velocity {
            rescale(&network.inputWeight)
            model.velocity = network
        }
        if classifier == .affine { model.classifierBias = [Float](repeating: 0, count: classes.count) }
        if priorScale > 0 { model.prior = model.classifierWeight }
        return model
    }
}
