import Accounting

/// What retention has taken away, or would: the answer of `sono gc`.
public struct RetentionReport: Codable, Sendable {
    public struct Pipeline: Codable, Sendable {
        public var name: String
        public var removed: RemovalCounts
        /// What could not be removed, or why nothing was looked at.
        public var troubles: [String]
    }

    public var schema = "sono-gc/1"
    /// Whether this only says what would go.
    public var dryRun: Bool
    public var pipelines: [Pipeline] = []

    public enum CodingKeys: String, CodingKey {
        case schema
        case dryRun = "dry_run"
        case pipelines
    }
}
