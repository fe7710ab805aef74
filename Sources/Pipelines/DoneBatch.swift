/// What is known of a batch at the moment it is done.
public struct DoneBatch: Equatable, Sendable {
    public var rows: Int
    /// Rows with a class; the others have a reason instead.
    public var rowsOK: Int
    /// Evaluations of the field S, over all rows.
    public var evaluations: Int
    /// Sum of the best class's score over the rows with a class.
    public var topScores: Double
    /// From its admission to the attempt that succeeded.
    public var queueSeconds: Double
    public var decodeSeconds: Double
    /// Rows are refined and classified in one pass: this is both.
    public var refineSeconds: Double
    /// Until all rows were visible.
    public var commitSeconds: Double
    /// Of the clock, computing and commit; decoding and refining overlap.
    public var seconds: Double

    public var rowsPerSecond: Double { Double(rows) / max(seconds, 1e-6) }
}
