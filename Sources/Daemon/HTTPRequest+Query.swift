import Accounting
import Failures

/// What a request asks for, from the part of its target after the question mark. Words that are not known are refused:
/// a filter that is passed over would answer another question.
extension JobFilter {
    init(_ request: HTTPRequest) throws {
        self.init(limit: 100)
        for item in request.query {
            switch item.name {
            case "state":
                states = try Set(
                    item.value.split(separator: ",").map { word in
                        guard let state = JobState(rawValue: String(word)) else {
                            throw Failure(.invalidArgument, "\(word) is no state of a job.")
                        }
                        return state
                    })
            case "pipeline": pipeline = item.value
            case "sha256": sha256 = item.value
            case "after": after = try item.number()
            case "before": before = try item.number()
            case "since": since = try item.time()
            case "until": until = try item.time()
            case "code": code = item.value
            case "file_name": fileName = item.value
            case "newest_first": newestFirst = item.value != "0" && item.value != "false"
            case "limit": limit = try item.limit()
            default: throw item.unknown
            }
        }
    }
}

extension JobList {
    init(_ filter: JobFilter, from reader: StoreReader) throws {
        let jobs = try reader.jobs(filter)
        self.init(jobs: jobs, next: jobs.count == filter.limit ? jobs.last?.jobID : nil)
    }
}

struct ResultQuery {
    /// About how many a page takes: a caller's ids may be long, and `top_k` too. 10,000 usual rows are below it.
    private static let pageBytes = 4 << 20

    private var after: Int64 = 0
    private var limit = 1_000
    private var job: JobID?
    private var pipeline: String?

    init(_ request: HTTPRequest) throws {
        for item in request.query {
            switch item.name {
            case "after": after = try item.number()
            case "limit": limit = try item.limit()
            case "job": job = try item.number()
            case "pipeline": pipeline = item.value
            default: throw item.unknown
            }
        }
    }

    func page(from reader: StoreReader) throws -> ResultPage {
        try ResultPage(
            reader: reader, after: after, limit: limit, job: job, pipeline: pipeline, bytes: Self.pageBytes)
    }
}

extension HTTPRequest.Item {
    fileprivate func number() throws -> Int64 {
        guard let number = Int64(value), number >= 0 else {
            throw Failure(.invalidArgument, "\(name) is a whole number from 0.")
        }
        return number
    }

    fileprivate func limit() throws -> Int {
        guard let number = Int(value), (1...10_000).contains(number) else {
            throw Failure(.invalidArgument, "limit is a number from 1 to 10000.")
        }
        return number
    }

    fileprivate func time() throws -> String {
        guard let point = TimePoint(value) else {
            throw Failure(.invalidArgument, "\(name) is a time as 2026-11-24T20:45 in UTC, or so long ago as 2h.")
        }
        return point.text
    }

    fileprivate var unknown: Failure {
        Failure(.invalidArgument, "\(name) is not known here: /openapi.json says what is.")
    }
}
