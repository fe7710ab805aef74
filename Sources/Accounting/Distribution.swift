/// Which classes a pipeline's newest rows got, and how sure it was of them.
public struct Distribution: Codable, Equatable, Sendable {
    public struct ClassCount: Codable, Equatable, Sendable {
        public var label: String
        public var rows: Int
        public var meanScore: Double

        public enum CodingKeys: String, CodingKey {
            case label
            case rows
            case meanScore = "mean_score"
        }
    }

    /// How many rows are looked at, and how many batches at most.
    public static let span = (rows: 10_000, jobs: 1_000)
    /// Columns of `scores`, each as wide as the others between 0 and 1.
    public static let bins = 20
    /// How many classes are listed.
    public static let listed = 100

    public var schema = "sono-distribution/1"
    public var pipeline: String
    /// The batches that were looked at, the newest that are done.
    public var jobs: Int
    /// Rows that were looked at: the newest, at most 10,000.
    public var rows: Int
    /// Of them, those that have a class.
    public var rowsOK: Int
    /// When the oldest of these batches was done; ISO 8601 UTC.
    public var since: String?
    /// The 100 most frequent classes, the most frequent first.
    public var classes: [ClassCount]
    /// How many classes more there are among these rows, and their rows.
    public var otherClasses: Int
    public var otherRows: Int
    /// Rows by score, in 20 columns from 0 to 1.
    public var scores: [Int]

    public enum CodingKeys: String, CodingKey {
        case schema
        case pipeline
        case jobs
        case rows
        case rowsOK = "rows_ok"
        case since
        case classes
        case otherClasses = "other_classes"
        case otherRows = "other_rows"
        case scores
    }
}
