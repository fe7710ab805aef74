import Dynamics

extension Model {
    /// Why a solver cannot solve this model, with the remedy; nil if it can.
    ///
    /// A Nyström method reads no velocity within a step: the field must be `f(x, t) - γ x'`.
    public func objection(to solver: Solver) -> String? {
        guard solver.isNystrom, configuration.order > 0 else { return nil }
        let remedy = "use rk4, which solves every model."
        guard configuration.order == 2 else {
            return "\(solver.rawValue) solves second-order equations only and the model is of order 1: \(remedy)"
        }
        guard field.velocityWeight.contains(where: { $0 != 0 }) else { return nil }
        return "\(solver.rawValue) is valid only where the velocity enters as damping alone, and field.velocity.weight "
            + "is not zero: \(remedy)"
    }
}
