import Foundation
import Pipelines

/// What a pipeline has done since the service started.
package struct WorkDone: Sendable {
    /// Where a batch's time goes. A row is refined and classified in one pass: `refine` is both.
    package enum Stage: String, CaseIterable, Sendable {
        case queue
        case decode
        case refine
        case commit
    }

    package private(set) var rowsOK = 0
    package private(set) var rowsFailed = 0
    /// Evaluations of S, over all rows.
    package private(set) var evaluations = 0
    /// Sum of the best class's score over the rows with a class.
    package private(set) var topScores = 0.0
    package private(set) var stages: [Stage: Histogram] = [:]
    package private(set) var lastSuccess: Date?

    package init() {}

    package mutating func add(_ batch: DoneBatch, at now: Date) {
        rowsOK += batch.rowsOK
        rowsFailed += batch.rows - batch.rowsOK
        evaluations += batch.evaluations
        topScores += batch.topScores
        lastSuccess = now
        let seconds: [(Stage, Double)] = [
            (.queue, batch.queueSeconds), (.decode, batch.decodeSeconds), (.refine, batch.refineSeconds),
            (.commit, batch.commitSeconds),
        ]
        for (stage, time) in seconds { stages[stage, default: Histogram()].observe(time) }
    }
}
