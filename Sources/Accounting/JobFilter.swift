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
    /// Only jobs claimed at this time or later; ISO 8601 UTC, as `submitted_at`, or its beginning.
    public var since: String?
    /// Only jobs claimed before this time.
    public var until: String?
    /// Only jobs whose error, if it is not overcome, has this code.
    public var code: String?
    /// A piece of the file's name; upper and lower case of ASCII letters are the same.
    public var fileName: String?
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
