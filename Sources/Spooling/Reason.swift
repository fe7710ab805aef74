import Failures
import Foundation

/// Why an input is in failed/: the contents of the `.reason.json` beside it.
public struct Reason: Codable, Equatable, Sendable {
    public let schema: String
    public let jobID: Int64
    public let pipeline: String
    /// The name under which the input was dropped, in full, as text (`FileName.displayText`).
    public let fileName: String
    /// A `FailureCode`, or `cancelled`.
    public let code: String
    public let message: String
    public let cause: String?
    public let sha256: String?
    public let attempts: Int?
    /// ISO 8601, UTC, milliseconds.
    public let at: String

    public init(
        jobID: Int64, pipeline: String, fileName: FileName, failure: Failure, sha256: String? = nil,
        attempts: Int? = nil, at: String
    ) {
        schema = "sono-reason/1"
        self.jobID = jobID
        self.pipeline = pipeline
        self.fileName = fileName.displayText
        code = failure.code.rawValue
        message = failure.message
        cause = failure.cause
        self.sha256 = sha256
        self.attempts = attempts
        self.at = at
    }

    private enum CodingKeys: String, CodingKey {
        case schema
        case jobID = "job_id"
        case pipeline
        case fileName = "file_name"
        case code
        case message
        case cause
        case sha256
        case attempts
        case at
    }

    static let suffix = Array(".reason.json".utf8)

    /// Where the reason for `input` stands.
    public static func name(beside input: FileName) -> FileName {
        FileName(checked: input.bytes + suffix)
    }

    /// The input whose reason stands under `name`; nil if that is no name that sono gives a reason.
    static func input(beside reason: FileName) -> FileName? {
        let digits = reason.bytes.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, reason.bytes[digits.count...].first == UInt8(ascii: "-"),
            reason.bytes.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        return FileName(Array(reason.bytes.dropLast(suffix.count)))
    }

    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}
