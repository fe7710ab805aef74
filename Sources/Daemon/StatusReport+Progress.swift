import Foundation

extension StatusReport {
    /// Whether there is progress, as far as one look can tell.
    public struct Progress: Codable, Equatable, Sendable {
        public enum Kind: String, Codable, Sendable {
            case working
            /// Nothing waits.
            case idle
            /// Something waits for its turn, or for its time to be tried again.
            case waiting
            /// Jobs are due, none runs, and nothing was committed for `seconds`.
            case stalled
            /// No service says so.
            case unknown
        }

        public var kind: Kind
        public var seconds: Double?
    }

    /// Between two jobs of a service that is well lie milliseconds; a store that is busy, or a large commit, takes seconds.
    private static let stall = 60.0

    /// - Parameter now: when the report was made.
    package func judgedProgress(at now: Date) -> Progress {
        guard phase != .down else { return Progress(kind: .unknown) }
        if running != nil { return Progress(kind: .working) }
        let counts = pipelines.filter { $0.state == .running }.compactMap(\.counts)
        let due = counts.filter { $0.jobs[.queued] ?? 0 > 0 }
        guard !due.isEmpty else {
            let waits = counts.contains { $0.jobs[.retrying] ?? 0 > 0 || $0.jobs[.running] ?? 0 > 0 }
            return Progress(kind: waits ? .waiting : .idle)
        }
        let times = due.compactMap(\.oldestWaitingSince) + [startedAt, lastCommitAt].compactMap(\.self)
        let quiet = times.compactMap { Self.seconds(since: $0, at: now) }.min() ?? 0
        // The oldest may be one that is retried; a job that is due for as long as nothing was committed is stuck.
        return quiet >= Self.stall ? Progress(kind: .stalled, seconds: quiet) : Progress(kind: .waiting)
    }

    /// Seconds since a time of a report.
    public static func seconds(since time: String, at now: Date) -> Double? {
        date(time).map { max(0, now.timeIntervalSince($0)) }
    }

    /// Seconds between two times of a report, or of a job.
    public static func seconds(from first: String, to second: String) -> Double? {
        date(second).flatMap { seconds(since: first, at: $0) }
    }

    private static func date(_ time: String) -> Date? {
        try? Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
