/// The classifiers that a model has to beat: each gets the same support rows and prompts, and the same rows to choose its
/// settings and its temperature by.
///
/// `x` is a unit row, `P` `[C, D]` the zero-shot prototypes: the normalised mean of each class's unit prompts.
public enum Baseline: String, CaseIterable, Sendable, Codable {
    /// `100 x Pᵀ`; nothing is fitted but the temperature.
    case zeroShot = "zero-shot"
    /// Logistic regression on the support rows alone, see `LogisticRegression`.
    case linearProbe = "linear-probe"
    /// Logistic regression on support rows and prompts that starts from the prototypes and is drawn back to them.
    case crossModalLinear = "cross-modal-linear"
    /// Zero-shot and a cache of the support rows, see `TipAdapter`.
    case tipAdapter = "tip-adapter"
    /// Zero-shot and Gaussian discriminant analysis of the support rows, see `GaussianDiscriminant`.
    case gda
    /// The same with prompts counted as rows, and the shrinkage chosen.
    case gdaText = "gda-text"
    /// Tip-Adapter with trained keys, see `TipAdapterTuned`.
    case tipAdapterF = "tip-adapter-f"
    /// A residual on the prototypes, see `TaskResidual`.
    case taskResidual = "taskres"
    /// A bottleneck before zero-shot, see `ClipAdapter`.
    case clipAdapter = "clip-adapter"
    /// A linear probe blended with the prototypes, see `LPPlusPlus`.
    case lpPlusPlus = "lp++"
    /// Two hidden layers in the equation's place, see `ResidualMLP`.
    case residualMLP = "residual-mlp"
    /// The recipe that models are trained by with every lever on but the equation: `x(T) = x(0)`.
    case order0 = "order-0"
    /// The same with an equation of order 1 and as many parameters: `x' = S(x, t)`.
    case order1 = "order-1"
}
