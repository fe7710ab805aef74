/// A file that passed the first pass, asking to become a job.
public struct Admission: Sendable {
    public var token: String
    public var pipeline: String
    /// The original name, in full.
    public var name: [UInt8]
    /// Lower-case hex, over the file's bytes as they lie on disk.
    public var sha256: String
    public var rows: Int
    public var fileBytes: Int

    public init(
        token: String, pipeline: String, name: [UInt8], sha256: String, rows: Int, fileBytes: Int
    ) {
        self.token = token
        self.pipeline = pipeline
        self.name = name
        self.sha256 = sha256
        self.rows = rows
        self.fileBytes = fileBytes
    }
}

/// What became of an `Admission`.
public struct Admitted: Equatable, Sendable {
    public var jobID: JobID
    /// `queued` or `duplicate`; for a token that was admitted before, the state its job has now.
    public var state: JobState
    public var duplicateOf: JobID?
    public var supersedes: JobID?
}
