import Accounting
import Failures
import FlyingFox
import Foundation
import Pipelines
import Spooling

/// What can be asked of control.sock: `POST /v1/jobs/ID/hold|release|cancel|requeue` and
/// `POST /v1/pipelines/NAME/again?name=FILE`. Each answers with the job, or with an `ErrorReport`.
struct ControlRoutes: HTTPHandler {
    let control: Control
    private let queue = DispatchQueue(label: "sono.control")

    init(control: Control) {
        self.control = control
    }

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard request.method == .POST else {
            return HTTPResponse(
                statusCode: .methodNotAllowed, headers: HTTPHeaders([HTTPHeader("Allow"): "POST"]), body: Data())
        }
        return await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: answer(request)) }
        }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        do {
            let parts = request.path.split(separator: "/").map(String.init)
            guard parts.count == 4, parts[0] == "v1" else { throw Self.unknown }
            if parts[1] == "pipelines", parts[3] == "again" {
                guard let text = request.query.first(where: { $0.name == "name" })?.value, let name = FileName(text)
                else { throw Failure(.invalidArgument, "name is the file's name.") }
                try control.again(pipeline: parts[2], name: name)
                return .json(["schema": "sono-again/1", "pipeline": parts[2], "name": text])
            }
            guard parts[1] == "jobs", let id = JobID(parts[2]), let verb = ControlVerb(rawValue: parts[3]) else {
                throw Self.unknown
            }
            return .json(try control.apply(verb, to: id))
        } catch {
            return .failure(error)
        }
    }

    private static let unknown = Failure(
        .notFound, "there are POST /v1/jobs/ID/hold, release, cancel and requeue, and /v1/pipelines/NAME/again.")
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
