import Accounting
import Daemon
import Failures
import Foundation

/// What `sono status` knows when it answers.
struct StatusLook {
    let report: StatusReport
    /// The newest jobs that failed or are tried again, for their reasons.
    let troubled: [JobRecord]
    let at: Date

    private static let most = 3

    static func take(client: StatusClient) throws -> (look: StatusLook, source: StatusClient.Source) {
        let (report, source) = try client.report()
        let states: [JobState] = [.failed, .retrying].filter { state in
            report.pipelines.contains { $0.counts?.jobs[state] ?? 0 > 0 }
        }
        var troubled: [JobRecord] = []
        for state in states {
            // The answer is worth giving without them.
            let filter = JobFilter(states: [state], newestFirst: true, limit: most)
            troubled += (try? client.jobs(filter, from: source)) ?? []
        }
        return (StatusLook(report: report, troubled: troubled, at: Date()), source)
    }
}
