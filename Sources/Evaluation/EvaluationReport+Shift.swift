extension EvaluationReport {
    /// The model, zero-shot and the baselines on a set of the same classes from elsewhere, as they were fitted for the test
    /// set: nothing is chosen anew. Shares are 0 to 1.
    public struct Shift: Sendable, Codable {
        /// What the set is called: its path.
        public let name: String
        public let rows: Int
        public let rowsFailed: Int
        public let accuracy: Double
        public let macroF1: Double
        /// Mean recall over the classes that have rows: fairer than macro-F1 where the set lacks classes of the model.
        public let balancedAccuracy: Double
        public let ece: Double
        public let zeroShot: ZeroShot?
        public let baselines: [String: BaselineReport]?

        public init(_ name: String, _ report: EvaluationReport, baselines: [String: BaselineReport]?) {
            self.name = name
            rows = report.rows
            rowsFailed = report.rowsFailed
            accuracy = report.accuracy
            macroF1 = report.macroF1
            balancedAccuracy = report.balancedAccuracy
            ece = report.ece
            zeroShot = report.zeroShot
            self.baselines = baselines
        }

        enum CodingKeys: String, CodingKey {
            case name, rows, accuracy, ece, baselines
            case rowsFailed = "rows_failed"
            case macroF1 = "macro_f1"
            case balancedAccuracy = "balanced_accuracy"
            case zeroShot = "zero_shot"
        }
    }

    /// Who was judged, ours first and by name then, with the accuracy on the test set and on each shifted set.
    public var shiftTable: [(name: String, test: Double, shifted: [Double])] {
        let shifts = shifts ?? []
        var table = [("this model", accuracy, shifts.map(\.accuracy))]
        if let zeroShot, !shifts.isEmpty, shifts.allSatisfy({ $0.zeroShot != nil }) {
            table.append(("zero-shot", zeroShot.accuracy, shifts.compactMap(\.zeroShot?.accuracy)))
        }
        for baseline in Baseline.allCases.map(\.rawValue)
        where baseline != Baseline.zeroShot.rawValue || zeroShot == nil {
            guard let own = baselines?[baseline] else { continue }
            table.append((baseline, own.accuracy, shifts.compactMap { $0.baselines?[baseline]?.accuracy }))
        }
        return table
    }
}
