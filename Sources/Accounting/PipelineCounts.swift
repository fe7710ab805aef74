/// How a pipeline stands.
public struct PipelineCounts: Codable, Equatable, Sendable {
    public var pipeline: String
    /// The number of jobs in each state; every state is present.
    public var jobs: [JobState: Int]
    /// Rows of done jobs.
    public var rowsOK: Int
    /// Rows of done jobs whose status is not ok.
    public var rowsFailed: Int
    /// Rows of jobs that are queued, running, retrying or held.
    public var rowsWaiting: Int
    /// When the oldest job that waits (queued or retrying) was claimed; ISO 8601 UTC.
    public var oldestWaitingSince: String?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case pipeline
        case jobs
        case rowsOK = "rows_ok"
        case rowsFailed = "rows_failed"
        case rowsWaiting = "rows_waiting"
        case oldestWaitingSince = "oldest_waiting_since"
    }
}
