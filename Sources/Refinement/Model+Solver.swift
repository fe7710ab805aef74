import Dynamics

extension Model {
    /// Why a solver cannot solve this model in its steps, with the remedy; nil if it can.
    ///
    /// A Nyström method reads no velocity within a step: the field must be `f(x, t) - γ x'`.
    public func objection(to solver: Solver) -> String? {
        if let objection = configuration.objection(to: solver) { return objection }
        guard configuration.order == 2, case .nystrom(let tableau) = solver.method else { return nil }
        guard !field.velocityWeight.contains(where: { $0 != 0 }) else {
            return "\(solver.rawValue) is valid only where the velocity enters as damping alone, and "
                + "field.velocity.weight is not zero: \(Solver.universal)"
        }
        let step = configuration.horizon / Double(configuration.steps)
        guard tableau.scheme(damping: Double(field.damping), step: step).isFinite else {
            return "damping \(field.damping) in steps of \(step) is beyond what \(solver.rawValue) can compute: "
                + "take more steps."
        }
        return nil
    }
}

extension Solver {
    /// The remedy where a solver is not valid.
    static var universal: String { "use rk4, which solves every model." }
}
