/// The results of a batch, column by column: 33 bytes a row at three classes kept.
public struct ResultColumns: Sendable, Equatable {
    /// How many classes are kept for each row; never more than there are.
    public let topK: Int
    public var statuses: [RowStatus] = []
    /// Class indices, best first, `[n, topK]`; -1 for a row that is not ok.
    public var topClasses: [Int32] = []
    /// Calibrated probabilities of those classes, `[n, topK]`; 0 for a row that is not ok.
    public var topScores: [Float] = []
    /// Best probability minus the second best, `[n]`; the probability itself where there is one class only.
    public var margins: [Float] = []

    public var rows: Int { statuses.count }
    /// Rows that are `ok`.
    public var okRows: Int { statuses.count { $0 == .ok } }
    /// The best class's probability, summed over the rows that are ok.
    public var sumOfTopScores: Double {
        stride(from: 0, to: topScores.count, by: topK).reduce(0) { $0 + Double(topScores[$1]) }
    }

    public init(topK: Int, capacity rows: Int = 0) {
        precondition(topK > 0, "at least one class is kept")
        self.topK = topK
        statuses.reserveCapacity(rows)
        topClasses.reserveCapacity(rows * topK)
        topScores.reserveCapacity(rows * topK)
        margins.reserveCapacity(rows)
    }
}
