import Accounting
import Daemon
import Foundation
import Testing

@Suite("progress")
struct ProgressTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    /// A report as the service would send it: times are seconds before now.
    private func report(
        _ jobs: [JobState: Int] = [:], waits: Double? = nil, commit: Double? = nil, started: Double = 10_000,
        running: Bool = false, phase: String = "ready"
    ) throws -> StatusReport {
        func text(_ seconds: Double?) -> Any {
            seconds.map { (Self.now - $0).ISO8601Format(.init(includingFractionalSeconds: true)) } ?? NSNull()
        }
        let all = Dictionary(uniqueKeysWithValues: JobState.allCases.map { ($0.rawValue, jobs[$0] ?? 0) })
        let object: [String: Any] = [
            "schema": "sono-status/1", "phase": phase, "started_at": text(started), "last_commit_at": text(commit),
            "warnings": [],
            "running": running
                ? ["job_id": 1, "pipeline": "p", "rows": 10, "rows_done": 1, "seconds": 1] as [String: Any] : NSNull(),
            "pipelines": [
                [
                    "name": "p", "state": "running", "warnings": [], "incoming": 0,
                    "counts": [
                        "pipeline": "p", "jobs": all, "rows_ok": 0, "rows_failed": 0, "rows_waiting": 0,
                        "oldest_waiting_since": text(waits),
                    ],
                ]
            ],
        ]
        return try JSONDecoder().decode(StatusReport.self, from: JSONSerialization.data(withJSONObject: object))
    }

    @Test("what runs is progress, what is empty is idle, and a service that is down is not judged")
    func plain() throws {
        #expect(try report([.queued: 5], waits: 900, running: true).judgedProgress(at: Self.now).kind == .working)
        #expect(try report([.done: 5], commit: 900).judgedProgress(at: Self.now).kind == .idle)
        #expect(try report([.held: 5]).judgedProgress(at: Self.now).kind == .idle)
        #expect(try report([.queued: 5], waits: 900, phase: "down").judgedProgress(at: Self.now).kind == .unknown)
    }

    @Test("jobs that are due while none runs are a stall after a minute without a commit, and not before")
    func stall() throws {
        #expect(try report([.queued: 1], waits: 30, commit: 900).judgedProgress(at: Self.now).kind == .waiting)
        #expect(try report([.queued: 1], waits: 900, commit: 20).judgedProgress(at: Self.now).kind == .waiting)
        #expect(
            try report([.queued: 1], waits: 900, commit: 800, started: 40).judgedProgress(at: Self.now).kind == .waiting
        )
        let stalled = try report([.queued: 1], waits: 900, commit: 300).judgedProgress(at: Self.now)
        #expect(stalled.kind == .stalled && stalled.seconds == 300)
        #expect(try report([.retrying: 1], waits: 900, commit: 300).judgedProgress(at: Self.now).kind == .waiting)
    }
}
