import GRDB

/// One row of the view `v1_changes`: a step in a job's life. Replaying them in order of `seq` gives every job's state.
public struct ChangeRecord: Codable, Equatable, Sendable {
    public var seq: Int64
    public var at: String
    public var jobID: JobID
    /// Nil for a job's first state.
    public var fromState: JobState?
    public var toState: JobState
    /// Why, as an error code, where there is one.
    public var code: String?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case seq
        case at
        case jobID = "job_id"
        case fromState = "from_state"
        case toState = "to_state"
        case code
    }
}

extension ChangeRecord: FetchableRecord {}
