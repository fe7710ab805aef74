/// What retention has taken away from a pipeline, or would.
public struct RemovalCounts: Codable, Equatable, Sendable {
    /// Files of done/.
    public var inputs = 0
    /// Files of failed/, without the reasons beside them.
    public var failed = 0
    public var features = 0
    /// Bytes of all these files.
    public var fileBytes = 0
    /// Rows of `v1_results`.
    public var results = 0
    public var jobs = 0

    public init() {}

    public var isEmpty: Bool { self == RemovalCounts() }

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case inputs
        case failed
        case features
        case fileBytes = "file_bytes"
        case results
        case jobs
    }
}
