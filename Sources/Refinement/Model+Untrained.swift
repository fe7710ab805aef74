import Dynamics
import Failures

extension Model {
    /// A model that has seen no images: the classifier is `normalise(mean of the unit prompt embeddings)` of each class, and
    /// the field and velocity network have random hidden layers under output layers of zeros, so that nothing moves yet.
    ///
    /// Hidden weights are uniform with variance 1: embeddings are unit vectors, so preactivations then have variance 1 too.
    ///
    /// - Parameters:
    ///   - prompts: `[P, D]`, of any length but zero.
    ///   - labels: `[P]`, the class index of each prompt.
    ///   - velocityHidden: `G`; nil for an initial velocity of zero.
    ///   - seed: the same seed gives the same weights.
    /// - Throws: `invalid_argument` if a class has no prompt or a prompt has no direction; `model_invalid` for a bad
    ///   configuration.
    public static func untrained(
        configuration: ModelConfiguration, classes: [String], prompts: [S], labels: [Int32],
        velocityHidden: Int? = nil, seed: UInt64
    ) throws -> Model {
        try configuration.check()
        let d = configuration.dimension
        let h = configuration.order == 0 ? 0 : configuration.hidden
        let prototypes = try prototypes(dimension: d, classes: classes, prompts: prompts, labels: labels)
        var model = Model(configuration: configuration, classes: classes, classifierWeight: prototypes)
        model.configuration.hidden = h
        guard h > 0 else { return model }

        var generator = SplitMix64(seed: seed)
        func random(_ count: Int) -> [S] {
            (0..<count).map { _ in S((2 * generator.uniform() - 1) * 3.0.squareRoot()) }
        }
        func zeros(_ count: Int) -> [S] { [S](repeating: 0, count: count) }
        model.field.positionWeight = random(h * d)
        model.field.timeWeight = random(h)
        model.field.bias = zeros(h)
        model.field.outputWeight = zeros(d * h)
        model.field.outputBias = zeros(d)
        guard configuration.order == 2 else { return model }
        // A Nyström method solves fields that read no velocity.
        model.field.velocityWeight = configuration.solver.isNystrom ? zeros(h * d) : random(h * d)
        if let g = velocityHidden {
            var network = VelocityNetwork<S>()
            network.inputWeight = random(g * d)
            network.inputBias = zeros(g)
            network.outputWeight = zeros(d * g)
            network.outputBias = zeros(d)
            model.velocity = network
        }
        return model
    }

    /// The zero-shot prototypes, `[C, D]`: `normalise(mean of the unit prompt embeddings)` of each class.
    ///
    /// - Throws: `invalid_argument` if a class has no prompt, or prompts without a direction.
    public static func prototypes(
        dimension d: Int, classes: [String], prompts: [S], labels: [Int32]
    ) throws -> [S] {
        guard prompts.count == labels.count * d else {
            throw Failure(
                .invalidArgument,
                "\(labels.count) prompt labels need \(labels.count * d) numbers, not \(prompts.count).")
        }
        var sums = [Double](repeating: 0, count: classes.count * d)
        for (row, label) in labels.enumerated() {
            guard classes.indices.contains(Int(label)) else {
                throw Failure(
                    .invalidArgument, "prompt \(row) has label \(label), but there are \(classes.count) classes.")
            }
            let unit = try normalised(prompts[row * d..<(row + 1) * d], "prompt \(row)")
            for i in 0..<d { sums[Int(label) * d + i] += unit[i] }
        }
        return try classes.indices.flatMap { c in
            try normalised(sums[c * d..<(c + 1) * d], "the mean prompt of class \"\(classes[c])\"").map { S($0) }
        }
    }

    private static func normalised(_ values: some Sequence<some BinaryFloatingPoint>, _ what: String) throws -> [Double]
    {
        let wide = values.map { Double($0) }
        let norm = wide.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard norm.isFinite, norm > 0 else {
            throw Failure(
                .invalidArgument, "\(what) has no direction (norm \(norm)): give every class a usable prompt.")
        }
        return wide.map { $0 / norm }
    }
}
