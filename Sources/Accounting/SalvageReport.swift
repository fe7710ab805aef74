/// What a recovery has read of a damaged store, and what not.
public struct SalvageReport: Codable, Equatable, Sendable {
    public struct Table: Codable, Equatable, Sendable {
        public var name: String
        public var rows = 0
        /// Rows that are numbered and could not be read, those that were deleted among them excepted.
        public var unreadable = 0
        /// Whether there may be more that could not be found.
        public var isGivenUp = false

        public enum CodingKeys: String, CodingKey {
            case name
            case rows
            case unreadable
            case isGivenUp = "is_given_up"
        }
    }

    public var tables: [Table] = []
    /// Rows that could be read and whose job could not; they are left out.
    public var rowsWithoutJob = 0
    /// Jobs that have lost rows and whose input is kept: they are left out, and the input is computed anew.
    public var jobsToRecompute: [JobID] = []
    /// Jobs that have lost rows and whose input is no longer kept: they come over without any.
    public var jobsWithoutRows: [JobID] = []

    public init() {}

    public enum CodingKeys: String, CodingKey {
        case tables
        case rowsWithoutJob = "rows_without_job"
        case jobsToRecompute = "jobs_to_recompute"
        case jobsWithoutRows = "jobs_without_rows"
    }
}
