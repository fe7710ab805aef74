import Accounting
import Foundation

/// What a pipeline has done since the service started.
package struct WorkDone: Sendable {
    /// Where a batch's time goes. A row is refined and classified in one pass: `refine` is both.
    package enum Stage: String, CaseIterable, Sendable {
        case queue
        case decode
        case refine
        case classify
        case commit
    }

    package private(set) var rowsOK = 0
    package private(set) var rowsFailed = 0
    /// Evaluations of S, over all rows.
    package private(set) var evaluations = 0
    package private(set) var stages: [Stage: Histogram] = [:]
    package private(set) var lastSuccess: Date?

    package init() {}

    /// - Parameters:
    ///   - job: one that is done.
    ///   - evaluations: of S for each row.
    package mutating func add(_ job: JobRecord, evaluations perRow: Int, at now: Date) {
        rowsOK += job.rowsOK ?? 0
        rowsFailed += job.rowsFailed ?? 0
        evaluations += perRow * (job.rows ?? 0)
        lastSuccess = now
        let seconds: [(Stage, Double?)] = [
            (.queue, job.queueSeconds), (.decode, job.decodeSeconds), (.refine, job.refineSeconds),
            (.classify, job.classifySeconds), (.commit, job.commitSeconds),
        ]
        for case (let stage, let time?) in seconds { stages[stage, default: Histogram()].observe(time) }
    }
}
