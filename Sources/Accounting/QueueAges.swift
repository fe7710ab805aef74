/// How long the batches of one pipeline have been waiting, counted by age.
public struct QueueAges: Codable, Equatable, Sendable {
    /// Upper bounds of the columns in seconds, each twice the one before; one more column has none.
    public static let bounds = (0..<9).map { 15 << $0 }

    public var pipeline: String
    /// Batches that are queued, running or retrying, by age.
    public var batches: [Int]
    /// Their rows, by the age of their batch.
    public var rows: [Int]
    /// When the oldest of them was claimed; ISO 8601 UTC.
    public var oldestSince: String

    public enum CodingKeys: String, CodingKey {
        case pipeline
        case batches
        case rows
        case oldestSince = "oldest_since"
    }
}
