import Failures
import Foundation
import GRDB

/// A job's first row and its first change.
struct Birth {
    let token: String
    let pipeline: String
    let name: [UInt8]
    let sha256: String?
    var rows: Int?
    let fileBytes: Int?
    let submittedAt: String
    var state = JobState.queued
    var duplicateOf: JobID?
    var supersedes: JobID?
    var requeueOf: JobID?
    var failure: Failure?

    func insert(in database: Database, at now: Date) throws -> JobID {
        let insert = try database.cachedStatement(
            sql: """
                INSERT INTO jobs (token, pipeline, name, file_name, file_bytes, sha256, state, rows, duplicate_of,
                    supersedes, requeue_of, submitted_at, finished_at, error_code, error_message)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(
            arguments: [
                token, pipeline, Data(name), ForeignText.escaped(name), fileBytes, sha256, state.rawValue, rows,
                duplicateOf, supersedes, requeueOf, submittedAt, state.isSettled ? Timestamp.text(now) : nil,
                failure?.code.rawValue, failure?.message,
            ])
        let job = database.lastInsertedRowID
        try Transition(database: database, now: now).record(job, from: nil, to: state, code: failure?.code.rawValue)
        return job
    }
}
