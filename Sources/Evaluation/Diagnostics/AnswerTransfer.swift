/// What refinement does to the answers of zero-shot, row by row.
public struct AnswerTransfer: Sendable, Codable, Equatable {
    /// Rows that zero-shot answers rightly.
    public var zeroShotRight = 0
    /// Of those, rows that the model answers wrongly: negative transfer.
    public var lost = 0
    /// Rows that zero-shot answers wrongly.
    public var zeroShotWrong = 0
    /// Of those, rows that the model answers rightly: positive transfer.
    public var gained = 0

    public init() {}

    /// The share of what zero-shot had right that is lost; 0 where it had nothing.
    public var lostShare: Double { zeroShotRight == 0 ? 0 : Double(lost) / Double(zeroShotRight) }
    /// The share of what zero-shot had wrong that is gained; 0 where that is nothing.
    public var gainedShare: Double { zeroShotWrong == 0 ? 0 : Double(gained) / Double(zeroShotWrong) }

    mutating func add(zeroShotIsRight: Bool, modelIsRight: Bool) {
        if zeroShotIsRight {
            zeroShotRight += 1
            if !modelIsRight { lost += 1 }
        } else {
            zeroShotWrong += 1
            if modelIsRight { gained += 1 }
        }
    }
}
