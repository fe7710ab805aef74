import Dynamics

/// A model: the second-order neural ODE and the classifier behind it, with weights in precision `S`.
///
///     x0 = (e - mean) / |e - mean|          x'' = S(x, x', t),  x(0) = x0,  x'(0) = g(x0)
///     y  = normalise(x0 + m (x(T) - x0))
///     logits = s · y · normalise(Wc)ᵀ  or  s · y · Wcᵀ + bc,  plus  s0 · x0 · Wpᵀ
public struct Model<S: KernelScalar>: Sendable, Equatable {
    public var configuration: ModelConfiguration
    /// Class names, `[C]`.
    public var classes: [String]
    public var field = FieldWeights<S>()
    /// Absent: the initial velocity is zero, unless one is supplied with the batch.
    public var velocity: VelocityNetwork<S>?
    /// `Wc`, `[C, D]`, as stored: the cosine classifier normalises it when it is used.
    public var classifierWeight: [S]
    /// `bc`, `[C]`, affine only.
    public var classifierBias: [S]?
    /// `Wp`, `[C, D]`: unit zero-shot prototypes.
    public var prior: [S]?
    /// `[D]`: taken off every embedding before it is normalised.
    public var inputMean: [S]?
    /// The training manifest, JSON.
    public var training: String?
    /// Statistics of the training rows, JSON.
    public var reference: String?

    public init(configuration: ModelConfiguration, classes: [String], classifierWeight: [S]) {
        self.configuration = configuration
        self.classes = classes
        self.classifierWeight = classifierWeight
    }
}

extension Model {
    /// The same model in another precision.
    public init<T: KernelScalar>(_ other: Model<T>) {
        func convert(_ values: [T]) -> [S] { values.map { S($0) } }
        self.init(
            configuration: other.configuration, classes: other.classes,
            classifierWeight: convert(other.classifierWeight))
        field.positionWeight = convert(other.field.positionWeight)
        field.velocityWeight = convert(other.field.velocityWeight)
        field.timeWeight = convert(other.field.timeWeight)
        field.bias = convert(other.field.bias)
        field.outputWeight = convert(other.field.outputWeight)
        field.outputBias = convert(other.field.outputBias)
        field.damping = S(other.field.damping)
        if let network = other.velocity {
            var copy = VelocityNetwork<S>()
            copy.inputWeight = convert(network.inputWeight)
            copy.inputBias = convert(network.inputBias)
            copy.outputWeight = convert(network.outputWeight)
            copy.outputBias = convert(network.outputBias)
            velocity = copy
        }
        classifierBias = other.classifierBias.map(convert)
        prior = other.prior.map(convert)
        inputMean = other.inputMean.map(convert)
        training = other.training
        reference = other.reference
    }
}
