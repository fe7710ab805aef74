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
    /// The most multiplications in making `Wx W2`, once a start: some seconds. Beyond it the direct form needs no pause.
    private static let productLimit = 1 << 30

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
            && shape.hidden * shape.hidden * shape.dimension <= Self.productLimit
        let isCheaper = hiddenOperations.own < directOperations.own && isSmall
        guard asked == .hidden || asked == nil && isCheaper else {
            (form, solution, operations, warning) = (.direct, .direct(direct), directOperations, nil)
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
