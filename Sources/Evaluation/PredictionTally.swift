import Foundation
import Refinement

/// Everything that is counted over the rows of a test set; memory does not grow with their number.
struct PredictionTally {
    private let classes: [String]
    private let temperature: Double
    private(set) var matrix: ConfusionMatrix
    private(set) var bins = CalibrationBins()
    private(set) var loss = LogLoss()
    private static let confusionsKept = 20

    init(classes: [String], temperature: Double) {
        self.classes = classes
        self.temperature = temperature
        matrix = ConfusionMatrix(classes: classes.count)
    }

    var rows: Int { matrix.rows }

    /// Counts a row that failed: it is wrong and has no confidence, so it is left out of calibration and likelihood.
    mutating func addFailure(label: Int) {
        matrix.add(label: label, predicted: -1)
    }

    /// Counts a row by its logits, `[C]`, before the temperature; of equal ones the first class is the answer.
    mutating func add(label: Int, logits: ArraySlice<Float>) {
        var best = logits.startIndex
        for i in logits.indices where logits[i] > logits[best] { best = i }
        let predicted = best - logits.startIndex
        /// `e^(z / T)`, as a share of the largest: nothing overflows.
        func power(_ logit: Float) -> Double { exp((Double(logit) - Double(logits[best])) / temperature) }
        let sum = logits.reduce(0) { $0 + power($1) }
        matrix.add(label: label, predicted: predicted)
        bins.add(confidence: 1 / sum, right: predicted == label)
        let isKnown = (0..<classes.count).contains(label)
        loss.add(probability: isKnown ? power(logits[logits.startIndex + label]) / sum : 0)
    }

    func report(refiner: Refiner) -> EvaluationReport {
        EvaluationReport(
            rows: matrix.rows, rowsFailed: matrix.unanswered, accuracy: matrix.accuracy, macroF1: matrix.macroF1,
            balancedAccuracy: matrix.balancedAccuracy, ece: bins.expectedError, eceBins: bins.bins.count,
            reliability: bins.bins.filter { $0.rows > 0 }.map {
                EvaluationReport.Reliability(confidence: $0.confidence, accuracy: $0.accuracy, rows: $0.rows)
            },
            nll: loss.mean, order: refiner.configuration.order, solver: refiner.configuration.solver.rawValue,
            steps: refiner.configuration.steps, evaluations: refiner.evaluations, form: refiner.form.rawValue,
            kernel: refiner.kernel,
            classes: matrix.scores.map { score in
                EvaluationReport.PerClass(
                    label: classes[score.index], precision: score.precision, recall: score.recall, f1: score.f1,
                    support: score.support)
            },
            confusions: matrix.confusions(limit: Self.confusionsKept).map { pair in
                EvaluationReport.Pair(
                    label: classes[pair.label], predicted: classes[pair.predicted], rows: pair.rows)
            }, matrix: matrix)
    }
}
