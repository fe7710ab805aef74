import Training

/// How a baseline does on a test set. Shares are 0 to 1.
public struct BaselineReport: Sendable, Codable {
    public let accuracy: Double
    /// Mean F1 over all classes, undefined = 0.
    public let macroF1: Double
    /// Mean recall over the classes that have rows.
    public let balancedAccuracy: Double
    /// Expected calibration error over 15 bins of equal width.
    public let ece: Double
    /// Mean negative log-likelihood in nats.
    public let nll: Double
    /// Counted rows without an answer; they are wrong.
    public let rowsFailed: Int
    /// Numbers that are kept to answer with.
    public let parameters: Int
    /// Wall time of choosing and fitting.
    public let trainingSeconds: Double
    /// Wall time of answering.
    public let microsecondsPerRow: Double
    public let settings: [String: Double]
    public let temperature: Double
    /// Settings that were tried.
    public let trials: Int
    public let selection: TrainedModel.Selection

    init(_ tally: PredictionTally, _ fitted: FittedBaseline, microsecondsPerRow: Double) {
        accuracy = tally.matrix.accuracy
        macroF1 = tally.matrix.macroF1
        balancedAccuracy = tally.matrix.balancedAccuracy
        ece = tally.bins.expectedError
        nll = tally.loss.mean
        rowsFailed = tally.matrix.unanswered
        parameters = fitted.parameters
        trainingSeconds = fitted.seconds
        self.microsecondsPerRow = microsecondsPerRow
        settings = fitted.settings
        temperature = fitted.temperature
        trials = fitted.trials
        selection = fitted.selection
    }

    enum CodingKeys: String, CodingKey {
        case accuracy, ece, nll, parameters, settings, temperature, trials, selection
        case macroF1 = "macro_f1"
        case balancedAccuracy = "balanced_accuracy"
        case rowsFailed = "rows_failed"
        case trainingSeconds = "training_seconds"
        case microsecondsPerRow = "microseconds_per_row"
    }
}
