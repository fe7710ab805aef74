/// Which jobs to list. Every part that is given must hold.
public struct JobFilter: Sendable {
    public var states: Set<JobState>
    public var pipeline: String?
    /// The digest's beginning: any number of hex digits.
    public var sha256: String?
    /// Only jobs with a greater id.
    public var after: JobID?
    /// Only jobs with a smaller id.
    public var before: JobID?
    public var newestFirst: Bool
    public var limit: Int

    public init(
        states: Set<JobState> = [], pipeline: String? = nil, sha256: String? = nil, after: JobID? = nil,
        before: JobID? = nil, newestFirst: Bool = false, limit: Int = 100
    ) {
        self.states = states
        self.pipeline = pipeline
        self.sha256 = sha256
        self.after = after
        self.before = before
        self.newestFirst = newestFirst
        self.limit = limit
    }
}
