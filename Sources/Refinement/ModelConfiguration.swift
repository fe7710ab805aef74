import Dynamics

/// What a model computes, apart from its weights; the `config` of a model file.
///
/// Keys that are absent from a file take the defaults below, under which the term they belong to does nothing. There is
/// no default for the steps: without them a model of order 1 or 2 is refused.
public struct ModelConfiguration: Sendable, Equatable {
    /// 2: `x'' = S(x, x', t)`; 1: `x' = S(x, t)`; 0: `x(T) = x(0)`.
    public var order = 2
    public var activation = Activation.tanh
    public var solver = Solver.rk4
    /// `n`; 0 where none were given, which only order 0 can do without.
    public var steps = 0
    /// `T`, the time integrated over.
    public var horizon = 1.0
    /// `m` in `y = normalise(x0 + m (x(T) - x0))`.
    public var mix = 1.0
    /// `s`, the scale of the classifier's logits.
    public var logitScale = 1.0
    /// `s0`, the scale of the prior's logits; only read where the model has a prior.
    public var priorScale = 1.0
    /// Divides the logits before the softmax.
    public var temperature = 1.0
    public var classifier = ClassifierKind.cosine
    /// `D`, the length of an embedding.
    public var dimension: Int
    /// `H`, the width of the field's hidden layer; 0 at order 0.
    public var hidden: Int
    /// The encoder that the embeddings come from, where known.
    public var encoder: String?

    public init(dimension: Int, hidden: Int) {
        self.dimension = dimension
        self.hidden = hidden
    }

    /// What to tell about a set that brings its own velocity; nil where that is used.
    public func velocityWarning(isSupplied: Bool) -> String? {
        guard isSupplied, order < 2 else { return nil }
        return "the supplied velocity is ignored: only a model of order 2 starts from one."
    }

    /// Why a solver cannot solve models of this order, with the remedy; nil if it can.
    func objection(to solver: Solver) -> String? {
        guard solver.isNystrom, order == 1 else { return nil }
        return "\(solver.rawValue) solves second-order equations only and the model is of order 1: \(Solver.universal)"
    }

    /// Evaluations of `S` for each row (NFE); 0 without steps.
    public var evaluations: Int {
        guard order > 0, steps > 0, objection(to: solver) == nil else { return 0 }
        return Integrator(solver, grid: TimeGrid(steps: steps, horizon: horizon), order: order).evaluations
    }
}
