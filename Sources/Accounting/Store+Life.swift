import Failures
import Foundation
import GRDB

extension Store {
    /// Counts an attempt and starts it: queued or retrying becomes running.
    ///
    /// - Parameters:
    ///   - execution: how it will be computed; nil if that cannot be said, as when the model is missing.
    ///   - computed: a running job that is computed and awaits its commit, noted with it: should the service be killed now,
    ///     that one was not its undoing (see `recoverInterrupted`).
    /// - Returns: the number of attempts that count, this one included.
    @discardableResult
    public func begin(_ job: JobID, _ execution: Execution?, besides computed: (JobID, Timings)? = nil) throws -> Int {
        try transaction { database, now in
            if let (other, timings) = computed {
                try database.execute(
                    sql: """
                        UPDATE jobs SET decode_seconds = ?, refine_seconds = ?
                        WHERE job_id = ? AND state = 'running'
                        """, arguments: [timings.decode, timings.refine, other])
            }
            let time = Timestamp.text(now)
            try Transition(database: database, now: now).take(
                job, to: .running,
                setting: """
                    attempts = attempts + 1, started_at = ?,
                    queue_seconds = max(0, round((julianday(?) - julianday(submitted_at)) * 86400, 3)),
                    model_id = ?, model_sha256 = ?, solver = ?, steps = ?, form = ?, kernel = ?, evaluations = ?,
                    decode_seconds = NULL, refine_seconds = NULL
                    """,
                [
                    time, time, execution?.modelID, execution?.modelSHA256, execution?.solver, execution?.steps,
                    execution?.form, execution?.kernel, execution?.evaluations,
                ])
            return try Int.fetchOne(database, sql: "SELECT attempts FROM jobs WHERE job_id = ?", arguments: [job]) ?? 0
        }
    }

    /// Makes the rows visible, all together: one transaction with every row, the job's state and its change.
    ///
    /// Costs about 2 µs of CPU a row; memory does not grow with the rows. The writer is held meanwhile.
    /// - Parameter progress: called now and then meanwhile.
    @discardableResult
    public func complete(
        _ job: JobID, _ batch: ResultBatch, _ timings: Timings, featuresPath: String? = nil,
        progress: @escaping () -> Void = {}
    ) throws -> Completion {
        try batch.validate()
        let start = ContinuousClock.now
        let queueSeconds = try transaction { database, now in
            let insertion = ResultInsertion(batch: batch, job: job, progress: progress)
            // The guard first: a job that is not running costs no rows.
            try Transition(database: database, now: now).take(
                job, to: .done,
                setting: """
                    rows = ?, rows_ok = ?, rows_failed = ?, features_path = ?, error_code = NULL, error_message = NULL,
                    decode_seconds = ?, refine_seconds = ?
                    """,
                [
                    batch.rows, insertion.rowsOK, batch.rows - insertion.rowsOK, featuresPath, timings.decode,
                    timings.refine,
                ])
            try insertion.run(on: database)
            return try Double.fetchOne(
                database, sql: "SELECT queue_seconds FROM jobs WHERE job_id = ?", arguments: [job])
        }
        return Completion(queueSeconds: queueSeconds ?? 0, commitSeconds: (ContinuousClock.now - start).seconds)
    }

    /// Running becomes failed, with the reason; the file then belongs in failed/. So does a job that waits and whose file
    /// turns out to be no batch any more.
    public func fail(_ job: JobID, _ failure: Failure) throws {
        try transaction { database, now in
            try Transition(database: database, now: now).take(
                job, to: .failed, setting: "error_code = ?, error_message = ?",
                [failure.code.rawValue, failure.message], code: failure.code.rawValue)
        }
    }

    /// Running becomes retrying until `notBefore`. Only a crash or a deadline keeps the attempt counted: a full disk
    /// is not the batch's fault.
    public func retry(_ job: JobID, _ failure: Failure, notBefore: Date) throws {
        try transaction { database, now in
            let counted = failure.code == .crashed || failure.code == .deadline
            try Transition(database: database, now: now).take(
                job, to: .retrying,
                setting: """
                    not_before = ?, attempts = attempts - ?, retries = retries + 1, error_code = ?, error_message = ?
                    """,
                [Timestamp.text(notBefore), counted ? 0 : 1, failure.code.rawValue, failure.message],
                code: failure.code.rawValue)
        }
    }

    /// Running becomes queued because the daemon stops, and the attempt is given back.
    ///
    /// - Parameter next: `held` or `cancelled` to go there in the same transaction, for a job that a person asked to
    ///   stop, so that nothing can pick it up in between.
    public func returnToQueue(_ job: JobID, then next: JobState? = nil) throws {
        try transaction { database, now in
            let transition = Transition(database: database, now: now)
            try transition.take(job, to: .queued, from: [.running], setting: "attempts = attempts - 1")
            if let next {
                try transition.take(job, to: next)
            }
        }
    }
}

extension Duration {
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
