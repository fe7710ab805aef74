import Dynamics

/// Which form a model is solved in, and what there is to say about that.
struct FormChoice {
    let form: RefinementForm
    let solution: Solution
    let operations: Int
    /// The same where the initial velocity comes with the rows.
    let suppliedOperations: Int
    let warning: String?

    /// The most numbers that the hidden form's constant rows, one for each stage, may take; more steps go direct.
    private static let rowLimit = 1 << 24

    /// - Parameters:
    ///   - model: a checked model of order 1 or 2, with the solver and steps in use.
    ///   - asked: nil for the form with fewer operations.
    init(_ model: Model<Float>, integrator: Integrator, asked: RefinementForm?) {
        let direct = DirectSolution(model, integrator: integrator)
        var suppliedModel = model
        suppliedModel.velocity = nil
        func count(_ form: RefinementForm, isSupplied: Bool) -> Int {
            guard form == .hidden else {
                return DirectSolution.operations(isSupplied ? suppliedModel : model, integrator: integrator)
            }
            var shape = HiddenShape(model)
            if isSupplied && shape.order == 2 { shape.start = .supplied }
            return HiddenForm<Float>.operations(shape, tableau: integrator.tableau, grid: integrator.grid)
        }
        let directOperations = count(.direct, isSupplied: false)
        let shape = HiddenShape(model)
        let hiddenOperations = count(.hidden, isSupplied: false)
        let isSmall = integrator.evaluations * shape.hidden <= Self.rowLimit
        let isCheaper = hiddenOperations < directOperations && isSmall
        guard asked == .hidden || asked == nil && isCheaper else {
            (form, solution, operations, warning) = (.direct, .direct(direct), directOperations, nil)
            suppliedOperations = count(.direct, isSupplied: true)
            return
        }
        let hidden = HiddenSolution(model, tableau: integrator.tableau, grid: integrator.grid)
        let difference = FormCheck.difference(model, direct, hidden)
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
        suppliedOperations = count(form, isSupplied: true)
    }
}
