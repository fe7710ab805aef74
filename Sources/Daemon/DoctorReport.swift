/// What `sono doctor` found.
public struct DoctorReport: Codable, Sendable {
    public enum Verdict: String, Codable, Sendable {
        case ok
        /// Worth knowing; nothing has to be done.
        case note
        case problem
    }

    public struct Finding: Codable, Sendable {
        /// What was looked at: `service`, `configuration`, `owners`, `store`, `sqlite`, `spool`, `models`, `disk`.
        public var check: String
        public var verdict: Verdict
        public var message: String
        /// What to do.
        public var remedy: String?
    }

    public var schema = "sono-doctor/1"
    public var findings: [Finding] = []
    public var isHealthy: Bool { !findings.contains { $0.verdict == .problem } }

    mutating func add(_ check: String, _ verdict: Verdict, _ message: String, remedy: String? = nil) {
        findings.append(Finding(check: check, verdict: verdict, message: message, remedy: remedy))
    }
}
