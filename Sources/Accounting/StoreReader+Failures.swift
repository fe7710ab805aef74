import Foundation
import GRDB

/// Failed jobs that nobody has dealt with yet.
public struct StandingFailures: Equatable, Sendable {
    public var count: Int
    /// The newest of them.
    public var newest: JobRecord?
    /// Whether that is all; false where too many failed to look through.
    public var areAll: Bool
}

extension StoreReader {
    /// How far back failures are looked through.
    private static let most = 250

    /// Jobs that failed after a time and whose file, or whose bytes, have not become another job since. Of the newest
    /// 250 failed jobs, so that the cost does not grow with the store.
    public func standingFailures(since time: Date) throws -> StandingFailures {
        let newest = """
            SELECT job_id, pipeline, sha256, finished_at FROM jobs WHERE state = 'failed' ORDER BY job_id DESC
            """
        return try read { database in
            // + keeps it to the index of digests: a pipeline has many jobs.
            let jobs = try JobID.fetchAll(
                database,
                sql: """
                    SELECT f.job_id FROM (\(newest) LIMIT \(Self.most)) AS f
                    WHERE f.finished_at >= ?
                        AND NOT EXISTS (SELECT 1 FROM jobs WHERE requeue_of = f.job_id)
                        AND NOT EXISTS (
                            SELECT 1 FROM jobs AS later
                            WHERE later.sha256 = f.sha256 AND +later.pipeline = f.pipeline AND later.job_id > f.job_id)
                    """, arguments: [Timestamp.text(time)])
            let beyond = try String.fetchOne(
                database, sql: "SELECT finished_at FROM (\(newest) LIMIT 1 OFFSET \(Self.most))")
            let last = try jobs.max().flatMap { id in
                try JobRecord.fetchOne(database, sql: "SELECT * FROM v1_jobs WHERE job_id = ?", arguments: [id])
            }
            return StandingFailures(
                count: jobs.count, newest: last, areAll: beyond.map { $0 < Timestamp.text(time) } ?? true)
        }
    }

    /// The job that has a job's file now, after one requeue or several; nil if that was never requeued.
    public func successor(of job: JobID) throws -> JobID? {
        try read { database in
            try JobID.fetchOne(
                database,
                sql: """
                    WITH RECURSIVE line (job_id) AS (
                        SELECT job_id FROM jobs WHERE requeue_of = ?
                        UNION SELECT jobs.job_id FROM jobs JOIN line ON jobs.requeue_of = line.job_id)
                    SELECT max(job_id) FROM line
                    """, arguments: [job])
        }
    }
}
