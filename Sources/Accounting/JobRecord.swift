import Failures
import GRDB

/// One row of the view `v1_jobs`. Times are ISO 8601 UTC text, durations are seconds.
public struct JobRecord: Codable, Equatable, Sendable {
    public var jobID: JobID
    public var pipeline: String
    public var fileName: String
    public var sha256: String?
    public var state: JobState
    public var attempts: Int
    public var rows: Int?
    public var rowsOK: Int?
    public var rowsFailed: Int?
    public var modelID: String?
    public var solver: String?
    public var steps: Int?
    public var form: String?
    public var kernel: String?
    public var duplicateOf: JobID?
    public var supersedes: JobID?
    public var featuresPath: String?
    public var submittedAt: String
    public var startedAt: String?
    public var finishedAt: String?
    public var errorCode: String?
    public var errorMessage: String?
    public var queueSeconds: Double?
    public var decodeSeconds: Double?
    public var refineSeconds: Double?
    public var classifySeconds: Double?
    public var commitSeconds: Double?
    /// When retention took the input from done/ or failed/.
    public var inputRemovedAt: String?
    /// When retention took the rows from `v1_results`.
    public var resultsRemovedAt: String?
    /// The job whose file this one got when a person asked for it to be run again.
    public var requeueOf: JobID?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case jobID = "job_id"
        case pipeline
        case fileName = "file_name"
        case sha256
        case state
        case attempts
        case rows
        case rowsOK = "rows_ok"
        case rowsFailed = "rows_failed"
        case modelID = "model_id"
        case solver
        case steps
        case form
        case kernel
        case duplicateOf = "duplicate_of"
        case supersedes
        case featuresPath = "features_path"
        case submittedAt = "submitted_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case errorCode = "error_code"
        case errorMessage = "error_message"
        case queueSeconds = "queue_seconds"
        case decodeSeconds = "decode_seconds"
        case refineSeconds = "refine_seconds"
        case classifySeconds = "classify_seconds"
        case commitSeconds = "commit_seconds"
        case inputRemovedAt = "input_removed_at"
        case resultsRemovedAt = "results_removed_at"
        case requeueOf = "requeue_of"
    }
}

// The keys are the view's columns, so the synthesised decoder reads a row as well as JSON.
extension JobRecord: FetchableRecord {}

extension JobRecord {
    /// Whether it failed by its bytes, which would fail again.
    public var needsOtherBytes: Bool { errorCode.flatMap(FailureCode.init)?.needsOtherBytes == true }
}
