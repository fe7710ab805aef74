import Dynamics
import Failures
import Refinement

extension Model<Float> {
    /// The start of a training on a new task from what a model learned on another: the field and the velocity network, and what
    /// they were made for (hidden width, activation, horizon and mix), come from `source`; classes,
    /// classifier, prior, scales, solver and steps stay this model's.
    ///
    /// Such a start is no longer zero-shot: it moves rows as `source` does.
    ///
    /// - Parameters:
    ///   - source: trained on embeddings of the same encoder; its classes do not matter.
    /// - Throws: `dimension_mismatch`, `encoder_mismatch`; `invalid_argument` if the orders differ, if there is nothing to take
    ///   over, or if this model's solver cannot solve the field; `model_invalid` if the source's parts do not fit each other.
    package func starting(from source: Model<Float>) throws -> Model<Float> {
        try source.check()
        let (own, other) = (configuration, source.configuration)
        guard own.dimension == other.dimension else {
            throw Failure(
                .dimensionMismatch,
                "the model to start from refines embeddings of \(other.dimension) numbers and the new rows have "
                    + "\(own.dimension): start from a model of the same encoder.")
        }
        if let new = own.encoder, let old = other.encoder, new != old {
            throw Failure(
                .encoderMismatch,
                "the model to start from was trained on embeddings by \(old) and the new rows come from \(new): "
                    + "directions mean something else there; start from a model of the same encoder.")
        }
        guard source.inputMean == nil else {
            throw Failure(
                .invalidArgument,
                "the model to start from takes a mean off the embeddings (input.mean), which training does not do: "
                    + "take it off the rows, and train that model without it.")
        }
        guard other.order > 0 else {
            throw Failure(
                .invalidArgument,
                "the model to start from is of order 0: it moves nothing, so that there is nothing to take over.")
        }
        guard own.order == other.order else {
            throw Failure(
                .invalidArgument,
                "the model to start from is of order \(other.order) and the new one of order \(own.order): "
                    + "train with order \(other.order), or start from another model.")
        }
        var start = self
        start.configuration.hidden = other.hidden
        start.configuration.activation = other.activation
        start.configuration.horizon = other.horizon
        start.configuration.mix = other.mix
        start.configuration.encoder = own.encoder ?? other.encoder
        start.field = source.field
        start.velocity = source.velocity
        if let objection = start.objection(to: own.solver) { throw Failure(.invalidArgument, objection) }
        return start
    }
}
