import Dynamics
import Refinement

/// How a model is trained. The defaults were chosen on pool and validation rows of three real sets, never on test rows.
public struct TrainingOptions: Sendable, Equatable, Codable {
    /// 2: `x'' = S(x, x', t)`; 1: `x' = S(x, t)`; 0: no equation, a cross-modal linear classifier.
    public var order = 2
    /// `H`, the width of the field's hidden layer.
    public var hidden = 128
    /// `G`, the width of the initial-velocity network; 0 starts from rest. Order 2 only.
    public var velocityHidden = 64
    public var activation = Activation.tanh
    public var solver = Solver.rk4
    public var steps = 1
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
    public var seed: UInt64 = 1
    /// Threads to compute with; nil for one to each core. The result does not depend on it.
    public var threads: Int?

    public init() {}

    /// `threads` is left out: it changes nothing in the model.
    enum CodingKeys: String, CodingKey {
        case order, hidden, activation, solver, steps, horizon, mix, classifier, epochs, penalty, seed
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
    }
}
