import Refinement

/// Everything that is counted over the rows of a test set; memory C² whatever the number of rows.
struct PredictionTally {
    private let classes: [String]
    private var matrix: ConfusionMatrix
    private var bins = CalibrationBins()
    private var loss = LogLoss()
    private static let confusionsKept = 20

    init(classes: [String]) {
        self.classes = classes
        matrix = ConfusionMatrix(classes: classes.count)
    }

    var rows: Int { matrix.rows }

    /// Counts one row of a result that keeps every class.
    ///
    /// A row that failed is wrong and has no confidence; it is left out of calibration and likelihood.
    mutating func add(label: Int, row: Int, of columns: ResultColumns) {
        guard columns.statuses[row] == .ok else { return matrix.add(label: label, predicted: -1) }
        let span = row * columns.topK..<(row + 1) * columns.topK
        let predicted = Int(columns.topClasses[span.lowerBound])
        matrix.add(label: label, predicted: predicted)
        bins.add(confidence: Double(columns.topScores[span.lowerBound]), right: predicted == label)
        let place = span.first { Int(columns.topClasses[$0]) == label }
        loss.add(probability: place.map { Double(columns.topScores[$0]) } ?? 0)
    }

    func report(refiner: Refiner) -> EvaluationReport {
        EvaluationReport(
            rows: matrix.rows, rowsFailed: matrix.unanswered, accuracy: matrix.accuracy, macroF1: matrix.macroF1,
            balancedAccuracy: matrix.balancedAccuracy, ece: bins.expectedError, eceBins: bins.bins.count,
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
            })
    }
}
