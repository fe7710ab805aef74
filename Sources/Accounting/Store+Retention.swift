import Failures
import Foundation
import GRDB

/// A file that has had its time, and whose job still says that it is there.
public struct ExpiredFile: Equatable, Sendable {
    public var job: JobID
    /// Its name in done/ or failed/; empty for refined vectors.
    public var filedAs: [UInt8]
    public var finishedAt: String
}

/// Taking away what has had its time.
///
/// Files go first and are crossed off after, so that a crash in between leaves a job whose file is looked for once more,
/// never a file that nobody looks for. A job's rows go out of sight in one transaction and are deleted after that. Each
/// call holds the writer for some 10 ms and its commit, whatever there is to do; call again until there is nothing left.
extension Store {
    /// How long a call goes on; what it has begun then, a few hundred rows, it ends.
    private static let patience = Duration.milliseconds(10)
    private static let rowsAtOnce = 250

    /// Inputs in done/ or failed/, of jobs in one state: the oldest after `last`.
    public func expiredInputs(
        pipeline: String, state: JobState, before horizon: Date, after last: ExpiredFile?, limit: Int
    ) throws -> [ExpiredFile] {
        try expiredFiles(
            """
            SELECT job_id, filed_as, finished_at FROM jobs
            WHERE pipeline = ?1 AND state = ?5 AND filed_as IS NOT NULL AND input_removed_at IS NULL
                AND finished_at < ?2 AND (finished_at, job_id) > (?3, ?4)
                AND job_id NOT IN (SELECT requeue_of FROM claims WHERE requeue_of IS NOT NULL)
            ORDER BY finished_at, job_id LIMIT ?6
            """, pipeline, horizon, last, [state.rawValue, limit])
    }

    /// Jobs with refined vectors: the oldest after `last`.
    public func expiredFeatures(
        pipeline: String, before horizon: Date, after last: ExpiredFile?, limit: Int
    ) throws -> [ExpiredFile] {
        try expiredFiles(
            """
            SELECT job_id, x'' AS filed_as, finished_at FROM jobs
            WHERE pipeline = ?1 AND features_path IS NOT NULL AND finished_at < ?2
                AND (finished_at, job_id) > (?3, ?4)
            ORDER BY finished_at, job_id LIMIT ?5
            """, pipeline, horizon, last, [limit])
    }

    private func expiredFiles(
        _ sql: String, _ pipeline: String, _ horizon: Date, _ last: ExpiredFile?,
        _ more: [any DatabaseValueConvertible]
    ) throws -> [ExpiredFile] {
        let start: [any DatabaseValueConvertible] = [
            pipeline, Timestamp.text(horizon), last?.finishedAt ?? "", last?.job ?? 0,
        ]
        return try withConnection { database in
            try Row.fetchAll(database, sql: sql, arguments: StatementArguments(start + more)).map { row in
                ExpiredFile(
                    job: row["job_id"], filedAs: [UInt8](row["filed_as"] as Data), finishedAt: row["finished_at"])
            }
        }
    }

    /// Crosses off inputs that are no longer in done/ or failed/.
    public func markInputsRemoved(_ jobs: [JobID]) throws {
        if jobs.isEmpty { return }
        try transaction { database, now in
            let update = try database.cachedStatement(
                sql: "UPDATE jobs SET input_removed_at = ? WHERE job_id = ? AND filed_as IS NOT NULL")
            for job in jobs { try update.execute(arguments: [Timestamp.text(now), job]) }
        }
    }

    /// Crosses off refined vectors that are no longer there.
    public func markFeaturesRemoved(_ jobs: [JobID]) throws {
        if jobs.isEmpty { return }
        try transaction { database, _ in
            let update = try database.cachedStatement(sql: "UPDATE jobs SET features_path = NULL WHERE job_id = ?")
            for job in jobs { try update.execute(arguments: [job]) }
        }
    }

    /// Takes rows out of sight, all of a job's at once, and has them deleted by `deleteSomeRows`.
    ///
    /// - Returns: how many jobs and rows; no jobs when there are none left.
    public func retireSomeResults(pipeline: String, before horizon: Date) throws -> (jobs: Int, rows: Int) {
        try transaction { database, now in
            let jobs = try Row.fetchAll(
                database,
                sql: """
                    SELECT job_id, rows FROM jobs
                    WHERE pipeline = ? AND state = 'done' AND results_removed_at IS NULL AND finished_at < ?
                    ORDER BY finished_at LIMIT 200
                    """, arguments: [pipeline, Timestamp.text(horizon)])
            let end = ContinuousClock.now + Self.patience
            var (count, rows) = (0, 0)
            for row in jobs {
                let job: JobID = row["job_id"]
                try database.cachedStatement(sql: "UPDATE jobs SET results_removed_at = ? WHERE job_id = ?")
                    .execute(arguments: [Timestamp.text(now), job])
                try database.cachedStatement(sql: "INSERT INTO removals (job_id) VALUES (?) ON CONFLICT DO NOTHING")
                    .execute(arguments: [job])
                try database.cachedStatement(
                    sql: """
                        UPDATE store SET results_removed_through = max(results_removed_through,
                            coalesce((SELECT seq FROM results WHERE job_id = ? ORDER BY row DESC LIMIT 1), 0))
                        """
                ).execute(arguments: [job])
                (count, rows) = (count + 1, rows + row["rows"])
                if ContinuousClock.now >= end { break }
            }
            return (count, rows)
        }
    }

    /// Deletes rows that are out of sight.
    ///
    /// - Returns: false when there are none left.
    public func deleteSomeRows() throws -> Bool {
        try transaction { database, _ in
            let end = ContinuousClock.now + Self.patience
            repeat {
                guard let job = try JobID.fetchOne(database, sql: "SELECT job_id FROM removals ORDER BY job_id LIMIT 1")
                else { return false }
                let first = try database.cachedStatement(
                    sql: "SELECT seq FROM results WHERE job_id = ? ORDER BY row LIMIT 1")
                guard let seq = try Int64.fetchOne(first, arguments: [job]) else {
                    try database.execute(sql: "DELETE FROM removals WHERE job_id = ?", arguments: [job])
                    continue
                }
                // A job's rows follow each other: they were stored in one transaction. The sign: not through their index.
                try database.cachedStatement(
                    sql: "DELETE FROM results WHERE seq >= ?1 AND seq < ?1 + ?2 AND +job_id = ?3"
                ).execute(arguments: [seq, Self.rowsAtOnce, job])
            } while ContinuousClock.now < end
            return true
        }
    }

    /// Deletes jobs of which nothing is left but their row and their changes. Which bytes were done stays known: the same
    /// bytes are still a duplicate; those of a failed or cancelled job are a new attempt, as before.
    ///
    /// - Returns: how many; 0 when there are none left that can go.
    public func deleteSomeJobs(pipeline: String, before horizon: Date) throws -> Int {
        try transaction { database, _ in
            let jobs = try Row.fetchAll(
                database,
                sql: """
                    SELECT job_id, state FROM jobs
                    WHERE pipeline = ? AND filed_as IS NOT NULL AND finished_at < ? AND input_removed_at IS NOT NULL
                        AND features_path IS NULL AND (state <> 'done' OR results_removed_at IS NOT NULL)
                        AND job_id NOT IN (SELECT requeue_of FROM claims WHERE requeue_of IS NOT NULL)
                        AND job_id NOT IN (SELECT job_id FROM removals)
                    ORDER BY finished_at LIMIT 200
                    """, arguments: [pipeline, Timestamp.text(horizon)])
            let end = ContinuousClock.now + Self.patience
            var count = 0
            for row in jobs {
                let job: JobID = row["job_id"]
                if JobState(rawValue: row["state"])?.filesUnderFailed ?? false {
                    try Identity.drop(job: job, in: database)
                } else {
                    try database.cachedStatement(sql: "UPDATE identities SET job_deleted = 1 WHERE job_id = ?")
                        .execute(arguments: [job])
                }
                try database.cachedStatement(
                    sql: """
                        UPDATE store SET changes_removed_through = max(changes_removed_through,
                            coalesce((SELECT max(seq) FROM changes WHERE job_id = ?), 0))
                        """
                ).execute(arguments: [job])
                for sql in ["DELETE FROM changes WHERE job_id = ?", "DELETE FROM jobs WHERE job_id = ?"] {
                    try database.cachedStatement(sql: sql).execute(arguments: [job])
                }
                count += 1
                if ContinuousClock.now >= end { break }
            }
            return count
        }
    }
}
