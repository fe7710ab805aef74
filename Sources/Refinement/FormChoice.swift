import Dynamics

/// Which form a model is solved in, and what there is to say about that.
struct FormChoice {
    let form: RefinementForm
    let solution: Solution
    /// Floating-point operations a row, from its own initial velocity and from a supplied one.
    let operations: (own: Int, supplied: Int)
    let warning: String?

    /// The most numbers that the hidden form's constant rows, one for each stage, may take; more steps go direct.
    private static let rowLimit = 1 << 24
    /// The most multiplications in making the hidden form, once a start: some seconds.
    private static let preparationLimit = 0x1p32

    /// - Parameters:
    ///   - model: a checked model of order 1 or 2, with the solver and steps in use.
    ///   - asked: nil for the form with fewer operations.
    init(_ model: Model<Float>, integrator: Integrator, asked: RefinementForm?) {
        let direct = DirectSolution(model, integrator: integrator)
        let directOperations = DirectSolution.operations(model, integrator: integrator)
        let shape = HiddenShape(model)
        let hiddenOperations = Self.hiddenOperations(shape, integrator)
        let isSmall =
            integrator.evaluations * shape.hidden <= Self.rowLimit
            && HiddenForm<Float>.preparation(shape) <= Self.preparationLimit
        let isCheaper = hiddenOperations.own < directOperations.own
        guard asked == .hidden || asked == nil && isCheaper && isSmall else {
            (form, solution, operations) = (.direct, .direct(direct), directOperations)
            warning =
                asked == nil && isCheaper
                ? "The direct form is used: the hidden-space form would take fewer operations a row, but too long to prepare."
                : nil
            return
        }
        let hidden = HiddenSolution(model, method: integrator.method, grid: integrator.grid)
        let difference = FormCheck.difference(model, evaluations: integrator.evaluations, direct, hidden)
        let agrees = difference <= FormCheck.tolerance
        let found =
            "The hidden-space form differs from the direct form by \(difference) relative to max(1, |x|), more than "
            + "\(FormCheck.tolerance)"
        if agrees || asked == .hidden {
            (form, solution, operations) = (.hidden, .hidden(hidden), hiddenOperations)
            warning = agrees ? nil : "\(found), and is used as asked."
        } else {
            (form, solution, operations) = (.direct, .direct(direct), directOperations)
            warning = "\(found): the direct form is used."
        }
    }

    private static func hiddenOperations(_ shape: HiddenShape, _ integrator: Integrator) -> (own: Int, supplied: Int) {
        func operations(_ shape: HiddenShape) -> Int {
            HiddenForm<Float>.operations(shape, method: integrator.method, grid: integrator.grid)
        }
        var supplied = shape
        if shape.order == 2 { supplied.start = .supplied }
        return (operations(shape), operations(supplied))
    }
}
