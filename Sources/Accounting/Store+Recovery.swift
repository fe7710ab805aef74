import Failures
import Foundation
import GRDB

extension Store {
    /// What a start finds after a crash: jobs that were running. Each becomes retrying, its attempt counted, or failed
    /// with `crashed` when it has none left. One that was computed already, and awaited its commit beside the next, is not
    /// suspected: it is queued again, its attempt given back. Nor is one suspected that had an attempt counted before this one:
    /// it was computed in a process of its own, whose end is not the service's. As it may be its commit that ends it, either is
    /// given back only so often.
    ///
    /// - Parameters:
    ///   - allowed: the attempts a job may use; nil if nothing says so, then it may try again.
    ///   - mostRetries: how often a job is given back that did not run in the service when that ended.
    ///   - delay: how long a job waits before its next attempt.
    /// - Returns: the jobs, in the state they have now.
    @discardableResult
    public func recoverInterrupted(
        attemptsAllowed allowed: (QueuedJob) -> Int?, mostRetries: Int,
        delay: (QueuedJob) -> Duration = { _ in .zero }
    ) throws -> [QueuedJob] {
        try transaction { database, now in
            let running = try Self.jobs("state = 'running'", in: database)
            let computed = try JobID.fetchSet(
                database, sql: "SELECT job_id FROM jobs WHERE state = 'running' AND refine_seconds IS NOT NULL")
            let transition = Transition(database: database, now: now)
            for job in running {
                if computed.contains(job.id) || job.attempts > 1, job.retries < mostRetries {
                    try transition.take(
                        job.id, to: .queued, from: [.running], setting: "attempts = attempts - 1, retries = retries + 1"
                    )
                    continue
                }
                let crashed = FailureCode.crashed.rawValue
                // The first crash may be a neighbour's: what runs alone after it decides.
                if let most = allowed(job), job.attempts >= max(2, most) {
                    let words =
                        "The service ended abruptly while computing this batch, \(job.attempts) times: look for its "
                        + "cause in the log, then `sono requeue \(job.id)`."
                    try transition.take(
                        job.id, to: .failed, setting: "error_code = ?, error_message = ?", [crashed, words],
                        code: crashed)
                } else {
                    let words = "The service ended abruptly while computing this batch."
                    try transition.take(
                        job.id, to: .retrying,
                        setting: "not_before = ?, retries = retries + 1, error_code = ?, error_message = ?",
                        [Timestamp.text(now.addingTimeInterval(delay(job).seconds)), crashed, words], code: crashed)
                }
            }
            return try running.compactMap { try Self.jobs("job_id = \($0.id)", in: database).first }
        }
    }

    /// Jobs that are queued, running, retrying or held, oldest first.
    public func unsettled(pipeline: String? = nil) throws -> [QueuedJob] {
        try withConnection { database in
            try Self.jobs(
                "state IN ('queued', 'running', 'retrying', 'held') AND (?1 IS NULL OR pipeline = ?1)", [pipeline],
                in: database)
        }
    }

    /// Settled jobs whose file is still in work/, oldest first.
    public func unfiled() throws -> [QueuedJob] {
        try withConnection { database in
            try Self.jobs("filed_as IS NULL AND finished_at IS NOT NULL", in: database)
        }
    }

    /// The tokens of all jobs whose file belongs in work/.
    public func tokensInWork(pipeline: String) throws -> Set<String> {
        try withConnection { database in
            try String.fetchSet(
                // The sign: by the index of what is not filed, not by that of a pipeline's jobs.
                database, sql: "SELECT token FROM jobs WHERE filed_as IS NULL AND +pipeline = ?", arguments: [pipeline])
        }
    }

    /// One job as the daemon needs it, or `not_found`.
    public func job(_ id: JobID) throws -> QueuedJob {
        try withConnection { database in
            guard let job = try Self.jobs("job_id = ?1", [id], in: database).first else {
                throw Failure(.notFound, "There is no job \(id): look it up with `sono jobs`.")
            }
            return job
        }
    }

    /// Records that a settled job's file has left work/ for done/ or failed/.
    ///
    /// - Parameter commitSeconds: what `complete` returned, if it is known.
    public func markFiled(_ job: JobID, as name: [UInt8], commitSeconds: Double? = nil) throws {
        try transaction { database, now in
            let update = try database.cachedStatement(
                sql: """
                    UPDATE jobs SET filed_as = ?, commit_seconds = coalesce(?, commit_seconds)
                    WHERE job_id = ? AND finished_at IS NOT NULL
                    """)
            try update.execute(arguments: [Data(name), commitSeconds, job])
            if database.changesCount == 0 {
                let state = try Transition(database: database, now: now).state(of: job)
                throw Failure(.wrongState, "Job \(job) is \(state.rawValue): its file stays in work/.")
            }
        }
    }

    private static func jobs(
        _ condition: String, _ values: StatementArguments = [], in database: Database
    ) throws -> [QueuedJob] {
        let sql = """
            SELECT job_id, pipeline, state, token, name, sha256, rows, file_bytes, attempts, retries, not_before,
                error_code, error_message
            FROM jobs WHERE \(condition) ORDER BY job_id
            """
        return try Row.fetchAll(database, sql: sql, arguments: values).map { row in
            QueuedJob(
                id: row["job_id"], pipeline: row["pipeline"], state: JobState(rawValue: row["state"]) ?? .failed,
                token: row["token"], name: [UInt8](row["name"] as Data), sha256: row["sha256"], rows: row["rows"],
                fileBytes: row["file_bytes"], attempts: row["attempts"], retries: row["retries"],
                notBefore: (row["not_before"] as String?).flatMap { Timestamp.date($0) },
                errorCode: row["error_code"], errorMessage: row["error_message"])
        }
    }
}
