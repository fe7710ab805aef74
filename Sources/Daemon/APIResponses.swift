import Accounting
import Failures
import Foundation

/// Answers of `/v1/jobs`.
public struct JobList: Codable, Sendable {
    public var schema = "sono-jobs/1"
    public var jobs: [JobRecord]
    /// Where to go on: the `after` of the next request (`before` if the newest come first). Absent on the last page.
    public var next: JobID?
}

/// The answer of `/v1/jobs/ID`: the job and its history.
public struct JobHistory: Codable, Sendable {
    public var schema = "sono-job/1"
    public var job: JobRecord
    public var changes: [ChangeRecord]
    /// The job that has its file now, if a person asked for it to be run again.
    public var requeuedAs: JobID?

    enum CodingKeys: String, CodingKey {
        case schema
        case job
        case changes
        case requeuedAs = "requeued_as"
    }

    init(of id: JobID, from reader: StoreReader) throws {
        job = try reader.job(id)
        changes = try reader.changes(jobID: id)
        requeuedAs = try reader.successor(of: id)
    }
}

/// The answer of `/v1/results`.
public struct ResultPage: Codable, Sendable {
    public var schema = "sono-results/1"
    public var results: [ResultRecord]
    /// Where to go on: the `after` of the next request. There is no more at present when it is that of this one.
    public var next: Int64
    /// Whose rows these are: numbers of another store mean other rows.
    public var storeID: String?
    /// The highest `seq` that retention has taken away.
    public var removedThrough: Int64?

    public enum CodingKeys: String, CodingKey {
        case schema
        case results
        case next
        case storeID = "store_id"
        case removedThrough = "removed_through"
    }

    init(
        reader: StoreReader, after: Int64, limit: Int, job: JobID?, pipeline: String?, bytes: Int = .max
    ) throws {
        // Before the rows: what is taken away after this was there when they were asked for.
        let info = try reader.info()
        (results, next) = try reader.page(
            after: after, limit: limit, jobID: job, pipeline: pipeline, bytes: bytes)
        (storeID, removedThrough) = (info.storeID, info.resultsRemovedThrough)
    }
}

/// The answer of `/v1/queue`: who waits how long.
public struct QueueReport: Codable, Sendable {
    public var schema = "sono-queue/1"
    /// Upper bounds of the columns of `batches` and `rows`; the last column has none.
    public var boundsSeconds = QueueAges.bounds
    /// Pipelines for which something waits.
    public var pipelines: [QueueAges]

    public init(_ pipelines: [QueueAges]) {
        self.pipelines = pipelines
    }

    public enum CodingKeys: String, CodingKey {
        case schema
        case boundsSeconds = "bounds_seconds"
        case pipelines
    }
}

/// The answer of `/v1/history`: the last hour.
public struct HistoryReport: Codable, Sendable {
    /// Times are from a file's being claimed to its rows' being visible, of batches that were done in this minute;
    /// absent if there were none. Median and 95 % are right to 9 %.
    public struct Minute: Codable, Equatable, Sendable {
        /// Its beginning; ISO 8601 UTC.
        public var at: String
        public var done: Int
        public var failed: Int
        /// Rows that became visible.
        public var rows: Int
        public var medianSeconds: Double?
        public var p95Seconds: Double?
        public var maxSeconds: Double?

        public enum CodingKeys: String, CodingKey {
            case at
            case done
            case failed
            case rows
            case medianSeconds = "median_seconds"
            case p95Seconds = "p95_seconds"
            case maxSeconds = "max_seconds"
        }
    }

    public var schema = "sono-history/1"
    /// From when on nothing is missing: an hour ago, or later where too much happened to read all of it at once.
    public var since: String
    /// 60 of them, oldest first; the last one is under way.
    public var minutes: [Minute]
}

/// The answer to a request that failed.
public struct ErrorReport: Codable, Sendable {
    public var schema = "sono-error/1"
    public var code: String
    public var message: String
    public var cause: String?

    init(_ failure: Failure) {
        code = failure.code.rawValue
        message = failure.message
        cause = failure.cause
    }

    var failure: Failure { Failure(FailureCode(rawValue: code) ?? .internal, message, cause: cause) }
}

extension HTTPResponse {
    static func json(_ value: some Encodable, status: Int = 200) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var data = try? encoder.encode(value) else { return HTTPResponse(status: 500) }
        data.append(UInt8(ascii: "\n"))
        return HTTPResponse(status: status, type: "application/json", body: data)
    }

    static func failure(_ error: any Error) -> HTTPResponse {
        let failure = error as? Failure ?? Failure(.internal, "\(error)")
        let status =
            switch failure.code {
            case .notFound: 404
            case .invalidArgument: 400
            case .wrongState: 409
            case .unavailable, .deadline: 503
            default: 500
            }
        return .json(ErrorReport(failure), status: status)
    }
}
