/// How well one class is found: precision, recall and their harmonic mean, 0 where undefined.
public struct ClassScore: Sendable, Hashable {
    public let index: Int
    /// Rows of the class that were answered right.
    public let right: Int
    /// Rows that were given this answer.
    public let answered: Int
    /// Rows of the class.
    public let support: Int

    public init(index: Int, right: Int, answered: Int, support: Int) {
        self.index = index
        self.right = right
        self.answered = answered
        self.support = support
    }

    public var precision: Double { answered == 0 ? 0 : Double(right) / Double(answered) }
    public var recall: Double { support == 0 ? 0 : Double(right) / Double(support) }
    /// 2 P R / (P + R) = 2 right / (answered + support).
    public var f1: Double { answered + support == 0 ? 0 : 2 * Double(right) / Double(answered + support) }
}

/// Rows of one class that were taken for another.
public struct Confusion: Sendable, Hashable {
    public let label: Int
    public let predicted: Int
    public let rows: Int

    public init(label: Int, predicted: Int, rows: Int) {
        self.label = label
        self.predicted = predicted
        self.rows = rows
    }
}
