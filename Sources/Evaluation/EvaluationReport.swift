/// How a model does on a test set. Shares are 0 to 1.
public struct EvaluationReport: Sendable, Codable {
    /// Labelled rows, all of which are counted.
    public var rows: Int
    public var rowsUnlabelled = 0
    /// Counted rows that the model could not answer; they are wrong.
    public var rowsFailed: Int
    public var accuracy: Double
    /// Mean F1 over all of the model's classes, undefined = 0.
    public var macroF1: Double
    /// Mean recall over the classes that have rows.
    public var balancedAccuracy: Double
    /// Expected calibration error over `eceBins` bins of equal width.
    public var ece: Double
    public var eceBins: Int
    /// The bins that have rows: what they claim and what comes true.
    public var reliability: [Reliability]
    /// Mean negative log-likelihood in nats.
    public var nll: Double
    public var order: Int
    public var solver: String
    public var steps: Int
    /// Evaluations of S for each row.
    public var evaluations: Int
    public var form: String
    public var kernel: String
    public var rowsPerSecond = 0.0
    public var classes: [PerClass]
    /// The commonest mistakes, most frequent first.
    public var confusions: [Pair]
    public var zeroShot: ZeroShot?
    /// Baselines on the same rows, by name, where they were asked for.
    public var baselines: [String: BaselineReport]?
    /// What refinement does to the features, where it was asked for.
    public var diagnostics: Diagnostics?
    /// The same model and baselines on other sets of the same classes, in the order they were given.
    public var shifts: [Shift]?
    public var warnings: [String] = []
    /// All answers by class, for the page; programs get `classes` and `confusions`.
    var matrix = ConfusionMatrix(classes: 0)

    public struct Reliability: Sendable, Codable, Equatable {
        /// Mean of the best scores.
        public let confidence: Double
        public let accuracy: Double
        public let rows: Int
    }

    public struct PerClass: Sendable, Codable {
        public let label: String
        public let precision: Double
        public let recall: Double
        public let f1: Double
        public let support: Int
        /// F1 of zero-shot, where prompts were given.
        public var zeroShotF1: Double?
    }

    public struct Pair: Sendable, Codable {
        public let label: String
        public let predicted: String
        public let rows: Int
        /// How often zero-shot makes the same mistake, where prompts were given.
        public var zeroShotRows: Int?
    }

    /// The same rows by the nearest prompt prototype, without any training.
    public struct ZeroShot: Sendable, Codable {
        public let accuracy: Double
        public let macroF1: Double
        public let balancedAccuracy: Double

        enum CodingKeys: String, CodingKey {
            case accuracy
            case macroF1 = "macro_f1"
            case balancedAccuracy = "balanced_accuracy"
        }
    }

    enum CodingKeys: String, CodingKey {
        case rows, accuracy, ece, nll, order, solver, steps, evaluations, form, kernel, classes, confusions, warnings,
            baselines, diagnostics, shifts, reliability
        case rowsUnlabelled = "rows_unlabelled"
        case rowsFailed = "rows_failed"
        case macroF1 = "macro_f1"
        case balancedAccuracy = "balanced_accuracy"
        case eceBins = "ece_bins"
        case rowsPerSecond = "rows_per_second"
        case zeroShot = "zero_shot"
    }
}

extension EvaluationReport {
    /// Puts zero-shot beside the model: overall, for each class, and for each of the commonest mistakes.
    mutating func compare(zeroShot matrix: ConfusionMatrix) {
        zeroShot = ZeroShot(
            accuracy: matrix.accuracy, macroF1: matrix.macroF1, balancedAccuracy: matrix.balancedAccuracy)
        let places = Dictionary(classes.enumerated().map { ($1.label, $0) }, uniquingKeysWith: { first, _ in first })
        let scores = matrix.scores
        for i in classes.indices { classes[i].zeroShotF1 = scores[i].f1 }
        for i in confusions.indices {
            guard let label = places[confusions[i].label], let predicted = places[confusions[i].predicted] else {
                continue
            }
            confusions[i].zeroShotRows = matrix[label, predicted]
        }
    }
}
