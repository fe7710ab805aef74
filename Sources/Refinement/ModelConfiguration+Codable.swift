import Dynamics
import Failures

extension ModelConfiguration: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case order, activation, solver, steps, horizon, mix, temperature, classifier, dimension, hidden, encoder
        case logitScale = "logit_scale"
        case priorScale = "prior_scale"
    }

    /// The keys a `config` may have.
    package static let keys = Set(Key.allCases.map(\.rawValue))

    /// Keys that are absent, or null, take their defaults; an absent `dimension` or `hidden` is 0 until the tensors tell it.
    ///
    /// - Throws: `model_invalid` for a word that is not in its list, `DecodingError` for a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func value<T: Decodable>(_ key: Key, or standard: T) throws -> T {
            try values.decodeIfPresent(T.self, forKey: key) ?? standard
        }
        func choice<T: RawRepresentable & CaseIterable>(_ key: Key, or standard: T) throws -> T
        where T.RawValue == String {
            guard let word = try values.decodeIfPresent(String.self, forKey: key) else { return standard }
            guard let choice = T(rawValue: word) else {
                let known = T.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(
                    .modelInvalid,
                    "the model's config says \(key.rawValue) \(ForeignText.quoted(word)): use one of \(known).")
            }
            return choice
        }
        self.init(dimension: try value(.dimension, or: 0), hidden: try value(.hidden, or: 0))
        order = try value(.order, or: order)
        activation = try choice(.activation, or: activation)
        solver = try choice(.solver, or: solver)
        steps = try value(.steps, or: steps)
        horizon = try value(.horizon, or: horizon)
        mix = try value(.mix, or: mix)
        logitScale = try value(.logitScale, or: logitScale)
        priorScale = try value(.priorScale, or: priorScale)
        temperature = try value(.temperature, or: temperature)
        classifier = try choice(.classifier, or: classifier)
        encoder = try values.decodeIfPresent(String.self, forKey: .encoder)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(order, forKey: .order)
        try values.encode(activation, forKey: .activation)
        try values.encode(solver, forKey: .solver)
        try values.encode(steps, forKey: .steps)
        try values.encode(horizon, forKey: .horizon)
        try values.encode(mix, forKey: .mix)
        try values.encode(logitScale, forKey: .logitScale)
        try values.encode(priorScale, forKey: .priorScale)
        try values.encode(temperature, forKey: .temperature)
        try values.encode(classifier, forKey: .classifier)
        try values.encode(dimension, forKey: .dimension)
        try values.encode(hidden, forKey: .hidden)
        try values.encodeIfPresent(self.encoder, forKey: .encoder)
    }
}

extension ModelConfiguration {
    /// The largest `D`, `H` and `G`.
    private static let widthLimit = 65_536
    /// The most elements a weight matrix may have: 1 GiB of Float.
    private static let weightLimit = 1 << 28

    /// The widest hidden layer beside a dimension of 1 to `widthLimit`.
    static func widest(dimension: Int) -> Int { min(widthLimit, weightLimit / dimension) }

    /// Whether every number lies where it means something.
    ///
    /// - Throws: `model_invalid` naming the key and what is allowed.
    public func check() throws {
        func require(_ holds: Bool, _ key: Key, _ found: some Any, _ allowed: String) throws {
            guard !holds else { return }
            throw Failure(.modelInvalid, "the model's config says \(key.rawValue) \(found): use \(allowed).")
        }
        try require((0...2).contains(order), .order, order, "2, 1 or 0")
        try require(horizon.isFinite && horizon > 0, .horizon, horizon, "a positive number")
        try require(mix.isFinite, .mix, mix, "a finite number")
        try require(logitScale.isFinite, .logitScale, logitScale, "a finite number")
        try require(priorScale.isFinite, .priorScale, priorScale, "a finite number")
        // Scores are computed with its inverse, in single precision.
        let isUsable = temperature > 0 && Float(1 / temperature).isFinite && Float(1 / temperature) > 0
        try require(isUsable, .temperature, temperature, "a positive number")
        try require(
            (1...Self.widthLimit).contains(dimension), .dimension, dimension, "1 to \(Self.widthLimit)")
        guard order > 0 else { return }
        let widest = Self.widest(dimension: dimension)
        try require(
            (1...widest).contains(hidden), .hidden, hidden, "1 to \(widest) with dimension \(dimension)")
        guard steps != 0 else {
            throw Failure(
                .modelInvalid,
                "the model's config gives no steps: put the number it was trained with there, 1 to 10000.")
        }
        try require((1...10_000).contains(steps), .steps, steps, "1 to 10000")
        if let objection = objection(to: solver) { throw Failure(.modelInvalid, objection) }
        try require(
            evaluations > 0, .steps, steps,
            "more: one step of \(solver.rawValue) never evaluates the field at order \(order)")
    }
}
