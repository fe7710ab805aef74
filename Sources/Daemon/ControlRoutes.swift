import Accounting
import Failures
import Foundation
import Pipelines
import Spooling

/// What can be asked of control.sock: `POST /v1/jobs/ID/hold|release|cancel|requeue`, which answer with the job, and
/// `POST /v1/gc` and `/v1/gc/dry-run`, which answer with a `RetentionReport`; or with an `ErrorReport`.
struct ControlRoutes: Sendable {
    let control: Control
    private let queue = DispatchQueue(label: "sono.control")
    /// Apart, for it may take long, and a batch must be held or cancelled meanwhile.
    private let retentionQueue = DispatchQueue(label: "sono.control.retention")

    init(control: Control) {
        self.control = control
    }

    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void) {
        guard request.method == "POST" else { return reply(HTTPResponse(status: 405, allow: "POST")) }
        (request.parts.dropFirst().first == "gc" ? retentionQueue : queue).async { reply(answer(request)) }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        do {
            let parts = request.parts
            if parts == ["v1", "gc"] { return .json(try control.collect(dryRun: false)) }
            if parts == ["v1", "gc", "dry-run"] { return .json(try control.collect(dryRun: true)) }
            guard parts.count == 4, parts[0] == "v1", parts[1] == "jobs", let id = JobID(parts[2]),
                let verb = ControlVerb(rawValue: parts[3])
            else { throw Self.unknown }
            return .json(try control.apply(verb, to: id))
        } catch {
            return .failure(error)
        }
    }

    private static let unknown = Failure(
        .notFound, "there are POST /v1/jobs/ID/hold, release, cancel and requeue, /v1/gc and /v1/gc/dry-run.")
}

/// What a person can do with a job.
public enum ControlVerb: String, CaseIterable, Sendable {
    case hold
    case release
    case cancel
    case requeue
}

/// The answer of control.sock about a job.
public struct ControlReply: Codable, Sendable {
    public var schema = "sono-control/1"
    public var job: JobRecord
    /// For `requeue`: the file is in work/ again and becomes a new job; look for it by this digest.
    public var requeued: Bool
}
