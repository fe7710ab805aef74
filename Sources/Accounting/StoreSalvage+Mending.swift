import Failures
import Foundation
import GRDB

extension StoreSalvage {
    /// What does not belong together any more.
    func mend(_ database: Database, _ report: inout SalvageReport) throws {
        try database.inTransaction {
            try database.execute(sql: "DELETE FROM results WHERE job_id NOT IN (SELECT job_id FROM jobs)")
            report.rowsWithoutJob = database.changesCount
            // Retention was at it.
            try database.execute(
                sql: """
                    DELETE FROM results
                    WHERE job_id IN (SELECT job_id FROM jobs WHERE results_removed_at IS NOT NULL)
                    """)
            try database.execute(sql: "DELETE FROM changes WHERE job_id NOT IN (SELECT job_id FROM jobs)")
            let torn = try Row.fetchAll(
                database,
                sql: """
                    SELECT job_id, pipeline, token, name, filed_as FROM jobs
                    WHERE state = 'done' AND results_removed_at IS NULL
                        AND rows <> (SELECT count(*) FROM results WHERE job_id = jobs.job_id)
                    """)
            for row in torn { try mend(torn: row, database, &report) }
            // What a lost job had to say about its bytes is not known to be true.
            try database.execute(
                sql: "DELETE FROM identities WHERE job_deleted = 0 AND job_id NOT IN (SELECT job_id FROM jobs)")
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO identities (pipeline, sha256, job_id)
                    SELECT pipeline, sha256, max(job_id) FROM jobs
                    WHERE sha256 IS NOT NULL AND state IN ('queued', 'running', 'retrying', 'held', 'done')
                    GROUP BY pipeline, sha256
                    """)
            return .commit
        }
    }

    private func mend(torn row: Row, _ database: Database, _ report: inout SalvageReport) throws {
        let job: JobID = row["job_id"]
        let pipeline: String = row["pipeline"]
        try database.execute(sql: "DELETE FROM results WHERE job_id = ?", arguments: [job])
        let filed = (row["filed_as"] as Data?).map { [UInt8]($0) }
        if let filed, !isKept(pipeline, filed) {
            report.jobsWithoutRows.append(job)
            try database.execute(
                sql: "UPDATE jobs SET results_removed_at = ? WHERE job_id = ?",
                arguments: [Timestamp.text(Date()), job])
            return
        }
        report.jobsToRecompute.append(job)
        if filed == nil {
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO claims (token, pipeline, name, again, noted_at)
                    SELECT token, pipeline, name, 0, submitted_at FROM jobs WHERE job_id = ?
                    """, arguments: [job])
        }
        for table in ["changes", "identities", "jobs"] {
            try database.execute(sql: "DELETE FROM \(table) WHERE job_id = ?", arguments: [job])
        }
    }

    /// No number is given a second time.
    func setNumbers(_ database: Database, jobsAbove: JobID) throws {
        for (table, key) in [("jobs", "job_id"), ("changes", "seq"), ("results", "seq")] {
            let last = max(lastNumber(table, key, database) ?? 0, table == "jobs" ? jobsAbove : 0)
            try database.execute(sql: "DELETE FROM main.sqlite_sequence WHERE name = ?", arguments: [table])
            try database.execute(
                sql:
                    "INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, max(?, (SELECT coalesce(max(\(key)), 0) FROM \(table))))",
                arguments: [table, last])
        }
        try database.execute(
            sql: """
                UPDATE store SET origin = ?,
                    results_removed_through = (SELECT seq FROM main.sqlite_sequence WHERE name = 'results'),
                    changes_removed_through = (SELECT seq FROM main.sqlite_sequence WHERE name = 'changes')
                """, arguments: [StoreOrigin.recovered.rawValue])
    }

    /// One file, whole without a -wal, checked.
    func finish(_ database: Database) throws {
        let mode = try String.fetchOne(database, sql: "PRAGMA main.journal_mode = DELETE")
        guard mode == "delete" else {
            throw Failure(.internal, "The recovered store is still in WAL mode: please report this.")
        }
        try database.execute(sql: "PRAGMA synchronous = FULL; UPDATE store SET schema = schema")
        let verdict = try String.fetchAll(database, sql: "PRAGMA main.integrity_check(1)")
        guard verdict == ["ok"] else {
            throw Failure(
                .internal, "The recovered store is not sound: please report this.",
                cause: verdict.joined(separator: "; "))
        }
    }
}
