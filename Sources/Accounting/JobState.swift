/// A job's number: SQLite's AUTOINCREMENT key, never used twice.
public typealias JobID = Int64

/// Where a job stands in its life, and so where its file is.
///
/// The table of possible steps is `canBecome`; the store takes no step that is not in it, and the change feed records
/// each one that is taken.
public enum JobState: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
    /// Claimed and valid; the file is in work/.
    case queued
    /// Being computed; the file is in work/.
    case running
    /// A passing failure; waits with back-off, the file is in work/.
    case retrying
    /// Set aside by a person; the file is in work/.
    case held
    /// The rows are visible; the file goes to done/.
    case done
    /// The reason is recorded; the file goes to failed/.
    case failed
    /// Given up by a person; the file goes to failed/.
    case cancelled
    /// The same bytes as another job; the file goes to done/.
    case duplicate
}

extension JobState {
    /// The states a job can be born in.
    public static let births: Set<JobState> = [.queued, .failed, .duplicate]

    /// The states that can follow this one.
    public var successors: Set<JobState> {
        switch self {
        case .queued: [.running, .held, .cancelled, .failed]
        case .running: [.done, .failed, .retrying, .queued]
        case .retrying: [.running, .held, .cancelled, .failed]
        case .held: [.queued, .cancelled, .failed]
        case .done, .failed, .cancelled, .duplicate: []
        }
    }

    public func canBecome(_ next: JobState) -> Bool {
        successors.contains(next)
    }

    /// Whether the job has reached its end; its file then belongs in done/ or failed/.
    public var isSettled: Bool {
        successors.isEmpty
    }

    /// Whether a settled job's file belongs in failed/ rather than done/.
    public var filesUnderFailed: Bool {
        self == .failed || self == .cancelled
    }

    /// Whether the same bytes, dropped once more, are a duplicate of a job in this state rather than a new attempt.
    public var absorbsSameBytes: Bool {
        switch self {
        case .queued, .running, .retrying, .held, .done: true
        case .failed, .cancelled, .duplicate: false
        }
    }

    /// What a person can ask for in this state, for the message that refuses something else.
    var remedy: String {
        switch self {
        case .queued, .retrying: "it can be held or cancelled"
        case .running: "wait until it settles, or let the daemon stop it first"
        case .held: "it can be released or cancelled"
        case .done, .failed, .cancelled: "it can be requeued"
        case .duplicate: "look at the job it is a duplicate of"
        }
    }
}
