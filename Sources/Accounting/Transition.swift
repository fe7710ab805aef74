import Failures
import Foundation
import GRDB

/// A step in a job's life: the guarded UPDATE and its row in the change feed, in the caller's transaction.
struct Transition {
    let database: Database
    let now: Date

    /// The job's state, or `not_found`.
    func state(of job: JobID) throws -> JobState {
        let statement = try database.cachedStatement(sql: "SELECT state FROM jobs WHERE job_id = ?")
        guard let word = try String.fetchOne(statement, arguments: [job]) else {
            throw Failure(.notFound, "There is no job \(job): look it up with `sono jobs`.")
        }
        guard let state = JobState(rawValue: word) else {
            throw Failure(.storeDamaged, "Job \(job) has an unknown state: please report this.", cause: word)
        }
        return state
    }

    /// Takes `job` from the state it is in to `next`.
    ///
    /// - Parameters:
    ///   - sources: the states the step may start from; all that `canBecome(next)` unless given.
    ///   - assignments: further columns to set, as SQL after `SET`, with `values` for its question marks.
    ///   - code: why, for the change feed.
    /// - Returns: the state it left.
    @discardableResult
    func take(
        _ job: JobID, to next: JobState, from sources: Set<JobState>? = nil, setting assignments: String = "",
        _ values: [(any DatabaseValueConvertible)?] = [], code: String? = nil
    ) throws -> JobState {
        let state = try state(of: job)
        guard state.canBecome(next), sources?.contains(state) ?? true else {
            throw Failure(
                .wrongState, "Job \(job) is \(state.rawValue) and cannot become \(next.rawValue): \(state.remedy).")
        }
        var sql = "UPDATE jobs SET state = ?, finished_at = ?, not_before = NULL"
        if !assignments.isEmpty {
            sql += ", " + assignments
        }
        let time = Timestamp.text(now)
        let update = try database.cachedStatement(sql: sql + " WHERE job_id = ? AND state = ?")
        try update.execute(
            arguments: StatementArguments(
                [next.rawValue, next.isSettled ? time : nil] + values + [job, state.rawValue]))
        guard database.changesCount == 1 else {
            throw Failure(.internal, "Job \(job) changed while it was being changed: please report this.")
        }
        if next.filesUnderFailed { try Identity.giveBack(job: job, in: database) }
        try record(job, from: state, to: next, code: code)
        return state
    }

    /// Adds a row to the change feed.
    func record(_ job: JobID, from state: JobState?, to next: JobState, code: String?) throws {
        let insert = try database.cachedStatement(
            sql: "INSERT INTO changes (at, job_id, from_state, to_state, code) VALUES (?, ?, ?, ?, ?)")
        try insert.execute(arguments: [Timestamp.text(now), job, state?.rawValue, next.rawValue, code])
    }
}
