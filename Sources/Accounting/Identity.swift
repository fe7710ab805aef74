import GRDB

/// The ledger of which job answers for which bytes in which pipeline.
enum Identity {
    struct Holder {
        var job: JobID
        var state: JobState
    }

    /// The job that answers for the bytes. One that retention has removed was done: the others leave the ledger with it.
    static func holder(pipeline: String, sha256: String, in database: Database) throws -> Holder? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT i.job_id, coalesce(j.state, 'done') AS state FROM identities AS i
                LEFT JOIN jobs AS j ON j.job_id = i.job_id WHERE i.pipeline = ? AND i.sha256 = ?
                """, arguments: [pipeline, sha256]
        ).map { row in
            Holder(job: row["job_id"], state: JobState(rawValue: row["state"]) ?? .done)
        }
    }

    static func give(pipeline: String, sha256: String, to job: JobID, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO identities (pipeline, sha256, job_id) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET job_id = excluded.job_id, job_deleted = 0
                """, arguments: [pipeline, sha256, job])
    }

    /// The job that this one was to supersede, if any, answers for the bytes again: its rows stand.
    static func giveBack(job: JobID, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE identities SET job_id = jobs.supersedes, job_deleted = NOT EXISTS (
                    SELECT 1 FROM jobs AS older WHERE older.job_id = jobs.supersedes) FROM jobs
                WHERE identities.job_id = ? AND jobs.job_id = identities.job_id AND jobs.supersedes IS NOT NULL
                """, arguments: [job])
    }

    static func drop(job: JobID, in database: Database) throws {
        try database.execute(sql: "DELETE FROM identities WHERE job_id = ?", arguments: [job])
    }
}
