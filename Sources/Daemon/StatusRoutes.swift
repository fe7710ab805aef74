import Accounting
import Failures
import Foundation
import Pipelines
import StatusPage

/// What can be asked of status.sock; nothing here changes anything.
final class StatusRoutes: Sendable {
    let board: Board
    let reader: StoreReader
    let options: ServiceOptions
    let paths: ServicePaths
    private let history: RecentHistory
    /// SQLite is read here, so that a slow answer holds up other answers and not the rest of the program. With searches
    /// fewer may wait than there are connections, so that whether the service lives can be asked whatever the others ask for.
    private let answers = AnswerQueue("sono.status", most: 48)
    /// Searches go through all jobs, which takes seconds with a million of them: by a connection of their own, while the
    /// others are answered.
    private let searches = AnswerQueue("sono.searches", most: 8)

    init(board: Board, reader: StoreReader, options: ServiceOptions, paths: ServicePaths) {
        self.board = board
        self.reader = reader
        self.options = options
        self.paths = paths
        history = RecentHistory(reader: reader)
    }

    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void) {
        guard request.method == "GET" || request.method == "HEAD" else {
            return reply(
                HTTPResponse(
                    status: 405, allow: "GET, HEAD", body: Data("only GET: changes go through control.sock\n".utf8)))
        }
        guard let (place, varying) = StatusPlace.find(request.parts) else {
            return reply(
                .failure(Failure(.notFound, "there is no such place: /openapi.json describes those there are.")))
        }
        // Whether the service lives and is ready, and what never changes, is known without SQLite, and does not wait
        // behind those who ask it.
        switch place {
        case .live: reply(.text("live\n"))
        case .ready: reply(ready())
        case .page: reply(Self.page.unlessKnown(to: request))
        case .description: reply(Self.description.unlessKnown(to: request))
        default: answerInTurn(request, place, varying, reply)
        }
    }

    private func answerInTurn(
        _ request: HTTPRequest, _ place: StatusPlace, _ varying: String,
        _ reply: @escaping @Sendable (HTTPResponse) -> Void
    ) {
        if place == .jobs, let filter = try? JobFilter(request), filter.isSearch {
            return searches.answer(reply) { [self] in try search(filter).unlessKnown(to: request) }
        }
        answers.answer(reply) { [self] in try answer(request, place, varying) }
    }

    private func search(_ filter: JobFilter) throws -> HTTPResponse {
        let reader = try StoreReader.open(path: reader.path, patience: .seconds(5))
        defer { try? reader.close() }
        return HTTPResponse.json(try JobList(filter, from: reader))
    }

    private func answer(_ request: HTTPRequest, _ place: StatusPlace, _ varying: String) throws -> HTTPResponse {
        let answer: any Encodable
        switch place {
        case .metrics:
            return .text(
                Metrics(board: board.snapshot, report: try report()).text,
                type: "text/plain; version=0.0.4; charset=utf-8")
        case .status:
            var report = try report()
            report.advise(from: reader, paths: paths)
            answer = report
        case .queue: answer = QueueReport(try reader.queueAges())
        case .history: answer = try history.report()
        case .jobs: answer = try JobList(JobFilter(request), from: reader)
        case .job:
            guard let id = JobID(varying) else { throw Failure(.invalidArgument, "a job's id is a number.") }
            answer = try JobHistory(of: id, from: reader)
        case .results: answer = try ResultQuery(request).page(from: reader)
        case .distribution:
            guard try report().pipelines.contains(where: { $0.name == varying }) else {
                throw Failure(.notFound, "there is no such pipeline: /v1/status lists them.")
            }
            answer = try reader.distribution(pipeline: varying)
        case .page, .description, .live, .ready: throw Failure(.internal, "\(place.rawValue) does not wait its turn")
        }
        return HTTPResponse.json(answer).unlessKnown(to: request)
    }

    private static let page: HTTPResponse = {
        let page = Page.assembled
        var response = HTTPResponse.text(page.html, type: "text/html; charset=utf-8")
        response.contentPolicy = page.contentPolicy
        return response
    }()

    private static let description = HTTPResponse(type: "application/json", body: Data(Page.description))

    private func report() throws -> StatusReport {
        try StatusReport(board: board, reader: reader, options: options, paths: paths)
    }

    private func ready() -> HTTPResponse {
        let now = board.snapshot
        guard now.phase == .ready else { return .text("\(now.phase.rawValue)\n", status: 503) }
        if let paused = now.paused { return .text("paused: \(paused.message)\n", status: 503) }
        return .text("ready\n")
    }
}
