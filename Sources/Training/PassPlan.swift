import Dynamics
import Refinement

/// Everything about a pass through the model that is not a weight: shapes, scheme, and which terms there are.
struct PassPlan: Sendable {
    /// `D`
    let dimension: Int
    /// `H`
    let hidden: Int
    /// `G`; 0 without a velocity network.
    let networkHidden: Int
    /// `C`
    let classes: Int
    let order: Int
    let activation: Activation
    let method: Method
    let grid: TimeGrid
    let isCosine: Bool
    let hasPrior: Bool
    /// Stages of the last step whose evaluation of `S` reaches x(T).
    private let lastStep: [Bool]

    init<S: KernelScalar>(_ model: Model<S>) {
        let configuration = model.configuration
        dimension = configuration.dimension
        hidden = configuration.order > 0 ? model.field.bias.count : 0
        networkHidden = configuration.order == 2 ? model.velocity?.hidden ?? 0 : 0
        classes = model.classes.count
        order = configuration.order
        activation = configuration.activation
        method = configuration.solver.method
        grid = TimeGrid(steps: configuration.steps, horizon: configuration.horizon)
        isCosine = configuration.classifier == .cosine
        hasPrior = model.prior != nil
        lastStep =
            order == 2 ? method.stagesReachingPosition : [Bool](repeating: true, count: method.stages)
    }

    var stages: Int { method.stages }
    /// Whether `x'` is an input of the field; a Nyström method has the damping in its coefficients.
    var fieldReadsVelocity: Bool { order == 2 && !method.absorbsDamping }
    var steps: Int { order == 0 ? 0 : grid.steps }

    /// Only x(T) is read, so at order 2 the last step leaves out the stages that only x'(T) would read. A method that reuses
    /// its last stage evaluates it twice here: the gradient is the same.
    func evaluates(step: Int, stage: Int) -> Bool {
        step < steps - 1 || lastStep[stage]
    }

    func time(step: Int, stage: Int) -> Double {
        grid.time(step) + method.nodes[stage] * grid.step
    }
}
