import Dynamics
import Failures
import Refinement

/// How a model is trained: solver and steps, which have no defaults as they become part of the model, and the rest, whose
/// defaults were chosen on pool and validation rows of three real sets, never on test rows.
public struct TrainingOptions: Sendable, Equatable, Codable {
    /// 2: `x'' = S(x, x', t)`; 1: `x' = S(x, t)`; 0: no equation, a cross-modal linear classifier.
    public var order = 2
    /// `H`, the width of the field's hidden layer.
    public var hidden = 128
    /// `G`, the width of the initial-velocity network; 0 starts from rest. Order 2 only.
    public var velocityHidden = 64
    public var activation = Activation.tanh
    public internal(set) var solver: Solver
    public internal(set) var steps: Int
    /// The recipe that chose solver and steps; nil where the caller did.
    public private(set) var recipe: String?
    /// `T`, the time integrated over.
    public var horizon = 1.0
    /// `m` in `y = normalise(x0 + m (x(T) - x0))`.
    public var mix = 1.0
    public var learnsMix = false
    public var classifier = ClassifierKind.cosine
    /// `s`. A low scale keeps the gradient of rows that are already right alive, which regularises; the probabilities are
    /// put right afterwards by the temperature.
    public var logitScale = 10.0
    public var learnsLogitScale = false
    /// `s0`, the weight of the zero-shot prototypes added to the learned logits; 0 leaves them out of the model.
    public var priorScale = 0.0

    /// Passes over the support rows.
    public var epochs = 80
    /// Support rows to an update; prompts are spread over the updates of an epoch.
    public var batchRows = 2_048
    /// The share of updates over which the learning rate rises from 0; afterwards it falls to 0 along a cosine.
    public var warmUp = 0.05
    /// AdamW's peak learning rate for the field, the velocity network and the mix.
    public var fieldRate = 1e-3
    /// AdamW's peak learning rate for the classifier.
    public var classifierRate = 3e-3
    /// Decoupled weight decay on the weight matrices of field and velocity network.
    public var weightDecay = 1e-2
    /// Weight of the cross-entropy on prompt rows relative to that on support rows (text as image).
    public var textWeight = 1.0
    /// Length of the Gaussian noise added to each unit prompt embedding, drawn anew for each update.
    public var textNoise = 0.5
    /// Weight of `|x(T) - x0|²` (sum over D, mean over rows).
    public var penalty = 1.0
    /// Standard deviation of the hidden layers' preactivations at the start. Small: the field begins nearly linear and
    /// the optimiser moves it gently, which generalises better from few rows.
    public var initialSpread = 0.05
    /// How hard to look for the best model; nil fits nothing in closed form and trains by gradients alone.
    public var budget: Budget?
    /// By gradients: with rows to choose by, also try a bolder setting (`TrainingOptions.bolder`) and keep the better.
    public var search = true
    public var seed: UInt64 = 1
    /// Threads to compute with; nil for one to each core. The result does not depend on it.
    public var threads: Int?

    public init(solver: Solver, steps: Int) {
        self.solver = solver
        self.steps = steps
    }

    /// The most units of a hidden layer.
    public static let widest = 65_536

    /// The recipe `standard`: `rk4` in one step, at order 2 three evaluations of `S` a row, fitted in closed form.
    public static let standard = TrainingOptions(budget: .standard)

    /// The recipe `gradient`: the same solver, trained by gradients alone with the defaults above.
    public static let gradient: TrainingOptions = {
        var options = TrainingOptions(solver: .rk4, steps: 1)
        options.recipe = "gradient"
        return options
    }()

    /// The recipe of a budget.
    ///
    /// - Parameter solving: solver and steps, where the caller chose them.
    public init(budget: Budget, solving: (solver: Solver, steps: Int)? = nil) {
        self.init(solver: solving?.solver ?? .rk4, steps: solving?.steps ?? 1)
        self.budget = budget
        recipe = solving == nil ? budget.rawValue : nil
        activation = .gelu
        hidden = budget.width
        velocityHidden = budget.velocityWidth
    }

    /// `threads` is left out: it changes nothing in the model.
    enum CodingKeys: String, CodingKey {
        case order, hidden, activation, solver, steps, recipe, horizon, mix, classifier, epochs, penalty, budget, search
        case seed
        case velocityHidden = "velocity_hidden"
        case learnsMix = "learns_mix"
        case logitScale = "logit_scale"
        case learnsLogitScale = "learns_logit_scale"
        case priorScale = "prior_scale"
        case batchRows = "batch_rows"
        case warmUp = "warm_up"
        case fieldRate = "field_rate"
        case classifierRate = "classifier_rate"
        case weightDecay = "weight_decay"
        case textWeight = "text_weight"
        case textNoise = "text_noise"
        case initialSpread = "initial_spread"
    }

    /// - Throws: `invalid_argument` naming the option that makes no sense.
    func check() throws {
        func demand(_ condition: Bool, _ words: String) throws {
            if !condition { throw Failure(.invalidArgument, "\(words).") }
        }
        func isNonNegative(_ value: Double) -> Bool { value.isFinite && value >= 0 }
        try demand((0...2).contains(order), "the order is 2, 1 or 0, not \(order)")
        try demand(
            order == 0 || (1...Self.widest).contains(hidden), "the hidden width is 1 to \(Self.widest), not \(hidden)")
        try demand((0...Self.widest).contains(velocityHidden), "the velocity network's width is 0 to \(Self.widest)")
        try demand((1...1_000).contains(steps), "the steps are 1 to 1000, not \(steps)")
        try demand(
            order != 2 || solver != .euler || steps > 1,
            "one Euler step of a second-order equation never evaluates the field: take 2 steps or another solver")
        try demand(
            order == 2 || order == 0 || !solver.isNystrom,
            "\(solver.rawValue) solves second-order equations only: take order 2 or another solver")
        try demand(horizon.isFinite && horizon > 0, "the horizon is a positive time")
        try demand(mix.isFinite && mix > 0, "the mix is a positive number")
        try demand(logitScale.isFinite && logitScale > 0, "the logit scale is a positive number")
        try demand(isNonNegative(priorScale), "the prior scale is 0 or more")
        try demand((0...1_000_000).contains(epochs), "the epochs are 0 to 1000000")
        try demand(batchRows > 0, "a batch has at least one row")
        try demand((0...1).contains(warmUp), "the warm-up is a share from 0 to 1")
        try demand(
            [fieldRate, classifierRate, weightDecay, textWeight, textNoise, penalty, initialSpread]
                .allSatisfy(isNonNegative), "rates, weights, noise and penalty are 0 or more")
    }

    /// The same recipe with the solver and the steps of a model; its own where that solves nothing.
    public func solved(as configuration: ModelConfiguration) -> TrainingOptions {
        guard configuration.order > 0 else { return self }
        var options = self
        (options.solver, options.steps) = (configuration.solver, configuration.steps)
        return options
    }

    /// Makes the field's hidden layer `hidden` wide, and the velocity network as much wider as the budgets make it.
    public mutating func setWidth(_ hidden: Int) {
        self.hidden = hidden
        velocityHidden = 3 * hidden
    }

    /// For coarse features that must be moved far: a steeper loss, a faster and less linear field, a weaker pull of the
    /// prompts.
    public var bolder: TrainingOptions {
        var options = self
        options.logitScale *= 2.5
        options.initialSpread *= 6
        options.fieldRate *= 2
        options.classifierRate *= 3
        options.textWeight *= 0.3
        return options
    }
}
