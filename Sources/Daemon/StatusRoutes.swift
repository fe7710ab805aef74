import Accounting
import Failures
import Foundation
import Pipelines

/// What can be asked of status.sock; nothing here changes anything.
struct StatusRoutes: Sendable {
    let board: Board
    let reader: StoreReader
    let options: ServiceOptions
    let paths: ServicePaths
    /// SQLite is read here, so that a slow answer holds up other answers and not the rest of the program.
    private let queue = DispatchQueue(label: "sono.status")

    init(board: Board, reader: StoreReader, options: ServiceOptions, paths: ServicePaths) {
        self.board = board
        self.reader = reader
        self.options = options
        self.paths = paths
    }

    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void) {
        guard request.method == "GET" || request.method == "HEAD" else {
            return reply(
                HTTPResponse(
                    status: 405, allow: "GET, HEAD", body: Data("only GET: changes go through control.sock\n".utf8)))
        }
        // Whether the service lives and is ready is known without SQLite, and does not wait behind those who ask it.
        switch request.parts {
        case ["health", "live"]: reply(.text("live\n"))
        case ["health", "ready"]: reply(ready())
        default: queue.async { reply(answer(request)) }
        }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        do {
            let parts = request.parts
            switch parts {
            case []: return .text(try plainPage())
            case ["v1", "status"]: return .json(try report())
            case ["v1", "jobs"]: return .json(JobList(jobs: try reader.jobs(try filter(request))))
            case ["v1", "results"]: return .json(try results(request))
            case ["metrics"]:
                return .text(
                    Metrics(board: board.snapshot, report: try report()).text,
                    type: "text/plain; version=0.0.4; charset=utf-8")
            default:
                guard parts.count == 3, parts[0] == "v1", parts[1] == "jobs" else { break }
                guard let id = JobID(parts[2]) else { throw Failure(.invalidArgument, "a job's id is a number.") }
                return .json(JobHistory(job: try reader.job(id), changes: try reader.changes(jobID: id)))
            }
            throw Failure(
                .notFound,
                "there are /health/live, /health/ready, /v1/status, /v1/jobs, /v1/jobs/ID, /v1/results and /metrics.")
        } catch {
            return .failure(error)
        }
    }

    private func report() throws -> StatusReport {
        try StatusReport(board: board, reader: reader, options: options, paths: paths)
    }

    private func ready() -> HTTPResponse {
        let now = board.snapshot
        guard now.phase == .ready else { return .text("\(now.phase.rawValue)\n", status: 503) }
        if let paused = now.paused { return .text("paused: \(paused.message)\n", status: 503) }
        return .text("ready\n")
    }

    private func plainPage() throws -> String {
        let report = try report()
        var lines = ["sono \(report.version ?? "")", report.line, ""]
        for pipeline in report.pipelines {
            lines.append("\(pipeline.name): \(pipeline.state.rawValue) \(pipeline.problem?.message ?? "")")
        }
        return (lines + ["", "/v1/status  /v1/jobs  /v1/jobs/ID  /v1/results?after=SEQ  /metrics", ""])
            .joined(separator: "\n")
    }

    private func filter(_ request: HTTPRequest) throws -> JobFilter {
        var filter = JobFilter(limit: 100)
        for item in request.query {
            switch item.name {
            case "state":
                filter.states = try Set(
                    item.value.split(separator: ",").map { word in
                        guard let state = JobState(rawValue: String(word)) else {
                            throw Failure(.invalidArgument, "\(word) is no state of a job.")
                        }
                        return state
                    })
            case "pipeline": filter.pipeline = item.value
            case "sha256": filter.sha256 = item.value
            case "after": filter.after = try number(item)
            case "before": filter.before = try number(item)
            case "newest_first": filter.newestFirst = item.value != "0" && item.value != "false"
            case "limit": filter.limit = try limit(item)
            default: throw unknown(item)
            }
        }
        return filter
    }

    private func results(_ request: HTTPRequest) throws -> ResultPage {
        var (after, most): (Int64, Int) = (0, 1_000)
        var (job, pipeline): (JobID?, String?) = (nil, nil)
        for item in request.query {
            switch item.name {
            case "after": after = try number(item)
            case "limit": most = try limit(item)
            case "job": job = try number(item)
            case "pipeline": pipeline = item.value
            default: throw unknown(item)
            }
        }
        return try ResultPage(reader: reader, after: after, limit: most, job: job, pipeline: pipeline)
    }

    private func number(_ item: HTTPRequest.Item) throws -> Int64 {
        guard let number = Int64(item.value), number >= 0 else {
            throw Failure(.invalidArgument, "\(item.name) is a whole number from 0.")
        }
        return number
    }

    private func limit(_ item: HTTPRequest.Item) throws -> Int {
        guard let number = Int(item.value), (1...10_000).contains(number) else {
            throw Failure(.invalidArgument, "limit is a number from 1 to 10000.")
        }
        return number
    }

    private func unknown(_ item: HTTPRequest.Item) -> Failure {
        Failure(.invalidArgument, "\(item.name) is not known here: look at the documentation of the status socket.")
    }
}
