import Foundation

/// A job as the daemon needs it: what to do next, and which file in work/ it is about.
public struct QueuedJob: Equatable, Sendable {
    public var id: JobID
    public var pipeline: String
    public var state: JobState
    /// The file's name in work/.
    public var token: String
    /// The original name.
    public var name: [UInt8]
    public var sha256: String?
    public var rows: Int?
    public var fileBytes: Int?
    /// Attempts that count against the batch: crashes, deadlines, and the one under way.
    public var attempts: Int
    /// Times it went to `retrying`, counted or not: what back-off grows with.
    public var retries: Int
    /// Set while retrying. Wall clock: after the clock was set back, wait no longer than the longest back-off.
    public var notBefore: Date?
    public var errorCode: String?
    public var errorMessage: String?

    package init(
        id: JobID, pipeline: String, state: JobState, token: String, name: [UInt8], sha256: String? = nil,
        rows: Int? = nil, fileBytes: Int? = nil, attempts: Int, retries: Int, notBefore: Date? = nil,
        errorCode: String? = nil, errorMessage: String? = nil
    ) {
        self.id = id
        self.pipeline = pipeline
        self.state = state
        self.token = token
        self.name = name
        self.sha256 = sha256
        self.rows = rows
        self.fileBytes = fileBytes
        self.attempts = attempts
        self.retries = retries
        self.notBefore = notBefore
        self.errorCode = errorCode
        self.errorMessage = errorMessage
    }
}
