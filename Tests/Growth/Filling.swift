import Foundation
import GRDB

/// Jobs and rows as the service would have stored them, through the real schema with its triggers and checks: four
/// pipelines, one job in fifty failed, one in fifty a duplicate, the others done; one every second up to now.
struct Filling {
    let path: String
    let jobs: Int
    let rows: Int

    private static let jobsAtOnce = 20_000

    func run() throws {
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")
            let first = (try Int.fetchOne(database, sql: "SELECT max(job_id) FROM jobs") ?? 0) + 1
            for start in stride(from: first, to: first + jobs, by: Self.jobsAtOnce) {
                let end = min(start + Self.jobsAtOnce, first + jobs) - 1
                try database.inTransaction {
                    for sql in [jobRows, identityRows, changeRows, resultRows] {
                        try database.execute(
                            sql: sql, arguments: ["first": start, "last": end, "total": first + jobs, "rows": rows])
                    }
                    return .commit
                }
            }
            try database.checkpoint(.truncate)
        }
        try database.close()
    }

    private let jobRows = """
        WITH RECURSIVE n (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last),
            t (i, state, at) AS (SELECT i, iif(i % 50 = 0, 'failed', iif(i % 50 = 1, 'duplicate', 'done')),
                strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now', '-' || (:total - i) || ' seconds') FROM n WHERE :rows > 0)
        INSERT INTO jobs (job_id, token, pipeline, name, file_name, file_bytes, sha256, state, attempts, rows, rows_ok,
            rows_failed, model_id, model_sha256, solver, steps, form, kernel, evaluations, duplicate_of, submitted_at,
            started_at, finished_at, error_code, error_message, filed_as)
        SELECT i, printf('0%015x', i), 'p' || (i % 4), CAST('batch-' || i || '.npy' AS BLOB), 'batch-' || i || '.npy',
            1000, printf('%064x', i), state, 1, :rows, iif(state = 'done', :rows, NULL), iif(state = 'done', 0, NULL),
            '0123456789ab', printf('%064x', 0), 'rk4', 4, 'hidden', 'avx2', 15, iif(state = 'duplicate', i - 1, NULL),
            at, at, at, iif(state = 'failed', 'internal', NULL), iif(state = 'failed', 'no', NULL),
            CAST(i || '--batch-' || i || '.npy' AS BLOB)
        FROM t WHERE :total > 0
        """

    private let identityRows = """
        INSERT INTO identities (pipeline, sha256, job_id)
        SELECT pipeline, sha256, job_id FROM jobs
        WHERE job_id BETWEEN :first AND :last AND state <> 'duplicate' AND :total > 0 AND :rows > 0
        """

    private let changeRows = """
        INSERT INTO changes (at, job_id, from_state, to_state)
        SELECT finished_at, job_id, column1, coalesce(column2, state) FROM jobs,
            (VALUES (NULL, 'queued'), ('queued', 'running'), ('running', NULL))
        WHERE job_id BETWEEN :first AND :last AND :total > 0 AND :rows > 0
        """

    private let resultRows = """
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
        INSERT INTO results (job_id, row, item_id, label, class, score, margin, status, top_k, refined)
        SELECT job_id, i, job_id * :rows + i, 'cat', 0, 0.7, 0.5, 0, '[["cat",0.7],["dog",0.2],["bird",0.1]]', 1
        FROM jobs, n WHERE job_id BETWEEN :first AND :last AND state = 'done' AND :total > 0 ORDER BY job_id, i
        """
}
