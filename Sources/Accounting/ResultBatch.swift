/// The callers' ids of a batch's rows.
public enum ResultIDs: Sendable {
    /// None were given: the row's ordinal stands in.
    case ordinal
    case integers([Int64])
    /// Row r is `bytes[offsets[r]..<offsets[r + 1]]`, valid UTF-8.
    case utf8(bytes: [UInt8], offsets: [Int64])
}

/// The results of one batch in compact columns, at most 40 bytes a row at `topK` 3.
public struct ResultBatch: Sendable {
    public var rows: Int
    public var ids: ResultIDs
    /// [n]: 0 ok, 1 non_finite, 2 zero_norm, 3 diverged.
    public var statuses: [UInt8]
    public var topK: Int
    /// [n, topK], best first; ignored for rows that are not ok.
    public var topClasses: [Int32]
    /// [n, topK]: calibrated probabilities of `topClasses`.
    public var topScores: [Float]
    /// [n]: best minus second.
    public var margins: [Float]
    public var classNames: [String]
    /// Whether rows that are ok went through the differential equation.
    public var refined: Bool

    public init(
        rows: Int, ids: ResultIDs, statuses: [UInt8], topK: Int, topClasses: [Int32], topScores: [Float],
        margins: [Float], classNames: [String], refined: Bool = true
    ) {
        self.rows = rows
        self.ids = ids
        self.statuses = statuses
        self.topK = topK
        self.topClasses = topClasses
        self.topScores = topScores
        self.margins = margins
        self.classNames = classNames
        self.refined = refined
    }
}
