import Dynamics
import Refinement

extension Model {
    /// Numbers in all tensors that a row passes through: field, velocity network, classifier and prior.
    public var weightCount: Int {
        var count = classifierWeight.count + (classifierBias?.count ?? 0) + (prior?.count ?? 0)
        guard configuration.order > 0 else { return count }
        count += field.positionWeight.count + field.timeWeight.count + field.bias.count
        count += field.outputWeight.count + field.outputBias.count
        guard configuration.order == 2 else { return count }
        count += field.velocityWeight.count + 1
        if let velocity {
            count += velocity.inputWeight.count + velocity.inputBias.count
            count += velocity.outputWeight.count + velocity.outputBias.count
        }
        return count
    }
}
