import Dynamics
import Failures

/// Refines and classifies embeddings with one model.
///
/// Rows are computed in tiles of a fixed size, one integration to a tile, on as many threads as asked for. A row's bits
/// depend on that row, the model, the form and the kernel alone.
public struct Refiner: Sendable {
    /// The model's configuration with the solver and steps in use.
    public let configuration: ModelConfiguration
    /// Class names, `[C]`.
    public let classes: [String]
    /// In which space the equation is solved.
    public let form: RefinementForm
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    public var kernel: String { Float.kernelName }
    /// Evaluations of `S` for each row.
    public var evaluations: Int { integrator?.evaluations ?? 0 }
    /// What is doubtful about this model with this solver, for the log and the status.
    public let warnings: [String]

    /// Floating-point operations for a row's `x(T)` from its own initial velocity, a multiply-add being two: the matrix
    /// products only, and without the classification.
    public let operations: Int
    /// The same from a velocity that is supplied with it.
    public let operationsWithVelocity: Int
    /// The same for its logits.
    public var classificationOperations: Int { classifier.operations }

    let inputMean: [Float]?
    let solution: Solution
    let classifier: Classifier<Float>
    private let integrator: Integrator?

    /// - Parameters:
    ///   - solver: instead of the model's own.
    ///   - steps: instead of the model's own.
    ///   - form: nil for the one with fewer operations; the hidden form only if it agrees with the direct one.
    /// - Throws: `model_invalid` if the model's parts do not fit each other; `invalid_argument` if the solver asked for cannot
    ///   solve this model, or the steps asked for are not 1 to 10,000 or would never evaluate `S`.
    public init(
        model: Model<Float>, solver: Solver? = nil, steps: Int? = nil, form: RefinementForm? = nil
    ) throws {
        try model.check()
        var model = model
        model.configuration.solver = solver ?? model.configuration.solver
        model.configuration.steps = steps ?? model.configuration.steps
        let configuration = model.configuration
        if let steps, !(1...10_000).contains(steps) {
            throw Failure(.invalidArgument, "\(steps) steps were asked for: use 1 to 10000.")
        }
        self.configuration = configuration
        classes = model.classes
        inputMean = model.inputMean
        guard configuration.order > 0 else {
            (integrator, self.form, warnings) = (nil, .direct, [])
            (operations, operationsWithVelocity) = (0, 0)
            solution = .none(dimension: configuration.dimension)
            classifier = Classifier(model, logits: solution.workspaceCount)
            return
        }
        if let objection = model.objection(to: configuration.solver) { throw Failure(.invalidArgument, objection) }
        let damping = Double(model.field.damping)
        let integrator = Integrator(
            configuration.solver, grid: TimeGrid(steps: configuration.steps, horizon: configuration.horizon),
            order: configuration.order, damping: damping)
        guard integrator.evaluations > 0 else {
            let isOverride = solver != nil || steps != nil
            throw Failure(
                isOverride ? .invalidArgument : .modelInvalid,
                "One step of \(configuration.solver.rawValue) never evaluates the field at order 2: take more steps, "
                    + "or another solver.")
        }
        self.integrator = integrator
        let choice = FormChoice(model, integrator: integrator, asked: form)
        (self.form, solution) = (choice.form, choice.solution)
        (operations, operationsWithVelocity) = (choice.operations.own, choice.operations.supplied)
        warnings =
            Self.dampingWarnings(configuration, damping: damping)
            + [choice.warning].compactMap(\.self)
        classifier = Classifier(model, logits: solution.workspaceCount)
    }

    /// Empty results for this model; `topK` is clipped to the number of classes.
    public func makeColumns(topK: Int, capacity rows: Int = 0) -> ResultColumns {
        ResultColumns(topK: max(1, min(topK, classes.count)), capacity: rows)
    }

    /// How far a Nyström method's coefficients follow the damping: up to here a row without a field goes as far as it should
    /// to 0.4 % with `dprkn4` and to 3.2 % with `nystrom4`; it always decays.
    private static let nystromBound = 3.0

    private static func dampingWarnings(_ configuration: ModelConfiguration, damping: Double) -> [String] {
        guard configuration.order == 2 else { return [] }
        let bound: Double
        let consequence: String
        switch configuration.solver.method {
        case .rungeKutta(let tableau):
            (bound, consequence) = (tableau.realStabilityBound, "velocities grow instead of decaying")
        case .nystrom: (bound, consequence) = (Self.nystromBound, "the field is underweighted")
        }
        let reached = damping * configuration.horizon / Double(configuration.steps)
        guard reached > bound else { return [] }
        // A model may claim a damping that no number of steps would do for.
        let enough = Int(exactly: (damping * configuration.horizon / bound).rounded(.up))
        let remedy = enough.map { "take at least \($0) steps" } ?? "no step is short enough"
        return [
            "Damping \(damping) times the step is \(reached), beyond the \(bound) that \(configuration.solver.rawValue) "
                + "can damp: \(consequence); \(remedy)."
        ]
    }
}
