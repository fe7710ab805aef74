import Accounting
import Failures
import FlyingFox
import Foundation

/// Answers of `/v1/jobs`.
public struct JobList: Codable, Sendable {
    public var schema = "sono-jobs/1"
    public var jobs: [JobRecord]
}

/// The answer of `/v1/jobs/ID`: the job and its history.
public struct JobHistory: Codable, Sendable {
    public var schema = "sono-job/1"
    public var job: JobRecord
    public var changes: [ChangeRecord]
}

/// The answer of `/v1/results`.
public struct ResultPage: Codable, Sendable {
    public var schema = "sono-results/1"
    public var results: [ResultRecord]
    /// Where to go on: the `after` of the next request.
    public var next: Int64
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
    static func json(_ value: some Encodable, status: HTTPStatusCode = .ok) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var data = try? encoder.encode(value) else { return HTTPResponse(statusCode: .internalServerError) }
        data.append(UInt8(ascii: "\n"))
        return HTTPResponse(statusCode: status, headers: [.contentType: "application/json"], body: data)
    }

    static func text(_ text: String, status: HTTPStatusCode = .ok, type: String = "text/plain; charset=utf-8")
        -> HTTPResponse
    {
        HTTPResponse(statusCode: status, headers: [.contentType: type], body: Data(text.utf8))
    }

    static func failure(_ error: any Error) -> HTTPResponse {
        let failure = error as? Failure ?? Failure(.internal, "\(error)")
        let status: HTTPStatusCode =
            switch failure.code {
            case .notFound: .notFound
            case .invalidArgument: .badRequest
            case .wrongState: HTTPStatusCode(409, phrase: "Conflict")
            case .unavailable: .serviceUnavailable
            default: .internalServerError
            }
        return .json(ErrorReport(failure), status: status)
    }
}
