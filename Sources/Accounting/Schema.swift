/// The tables behind the views, and the views that other programs rely on.
enum Schema {
    /// "sono" in ASCII, in the file's header.
    static let applicationID: Int32 = 0x736F_6E6F

    /// Every migration in order; `PRAGMA user_version` is the number of those a file has been through. Those that have
    /// been released never change.
    static let migrations: [String] = [first, retention, origins]

    private static let first = """
        CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            store_id TEXT NOT NULL,
            schema INTEGER NOT NULL,
            created_at TEXT NOT NULL
        ) STRICT;

        -- Written before a file is renamed to work/TOKEN, gone when the file is a job.
        CREATE TABLE claims (
            token TEXT PRIMARY KEY,
            pipeline TEXT NOT NULL,
            name BLOB NOT NULL,
            again INTEGER NOT NULL CHECK (again IN (0, 1)),
            requeue_of INTEGER,
            noted_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE jobs (
            job_id INTEGER PRIMARY KEY AUTOINCREMENT,
            token TEXT NOT NULL UNIQUE,
            pipeline TEXT NOT NULL,
            name BLOB NOT NULL,
            file_name TEXT NOT NULL,
            file_bytes INTEGER CHECK (file_bytes >= 0),
            sha256 TEXT CHECK (length(sha256) = 64),
            state TEXT NOT NULL CHECK (state IN
                ('queued', 'running', 'retrying', 'held', 'done', 'failed', 'cancelled', 'duplicate')),
            attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
            retries INTEGER NOT NULL DEFAULT 0 CHECK (retries >= 0),
            rows INTEGER CHECK (rows >= 0),
            rows_ok INTEGER CHECK (rows_ok >= 0),
            rows_failed INTEGER CHECK (rows_failed >= 0),
            model_id TEXT,
            model_sha256 TEXT CHECK (length(model_sha256) = 64),
            solver TEXT,
            steps INTEGER,
            form TEXT,
            kernel TEXT,
            evaluations INTEGER,
            duplicate_of INTEGER,
            supersedes INTEGER,
            features_path TEXT,
            submitted_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            not_before TEXT,
            error_code TEXT,
            error_message TEXT,
            queue_seconds REAL,
            decode_seconds REAL,
            refine_seconds REAL,
            classify_seconds REAL,
            commit_seconds REAL,
            filed_as BLOB,
            CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'failed', 'cancelled', 'duplicate'))),
            CHECK ((not_before IS NOT NULL) = (state = 'retrying')),
            CHECK ((duplicate_of IS NOT NULL) = (state = 'duplicate')),
            CHECK ((rows_ok IS NOT NULL) = (state = 'done') AND (rows_failed IS NOT NULL) = (state = 'done')),
            CHECK (state <> 'done' OR (rows IS NOT NULL AND rows_ok + rows_failed = rows)),
            CHECK (state <> 'failed' OR error_code IS NOT NULL),
            CHECK (state <> 'running' OR attempts > 0),
            CHECK (filed_as IS NULL OR finished_at IS NOT NULL)
        ) STRICT;
        CREATE INDEX jobs_by_state ON jobs (state);
        CREATE INDEX jobs_by_pipeline ON jobs (pipeline);
        CREATE INDEX jobs_by_pipeline_and_state ON jobs (pipeline, state);
        CREATE INDEX jobs_by_sha256 ON jobs (sha256);
        CREATE INDEX jobs_unfiled ON jobs (job_id) WHERE filed_as IS NULL;

        -- Which job answers for which bytes. Outlives the jobs: an entry whose job is gone was done.
        CREATE TABLE identities (
            pipeline TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            job_id INTEGER NOT NULL,
            PRIMARY KEY (pipeline, sha256)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX identities_by_job ON identities (job_id);

        CREATE TABLE results (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id INTEGER NOT NULL REFERENCES jobs (job_id),
            row INTEGER NOT NULL,
            item_id TEXT NOT NULL,
            label TEXT,
            class INTEGER,
            score REAL,
            margin REAL,
            status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
            top_k TEXT,
            refined INTEGER NOT NULL,
            UNIQUE (job_id, row),
            CHECK (CASE status
                WHEN 0 THEN label IS NOT NULL AND class >= 0 AND score IS NOT NULL AND margin IS NOT NULL
                    AND top_k IS NOT NULL
                ELSE coalesce(label, class, score, margin, top_k) IS NULL AND refined = 0 END)
        ) STRICT;

        CREATE TABLE changes (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            job_id INTEGER NOT NULL REFERENCES jobs (job_id),
            from_state TEXT,
            to_state TEXT NOT NULL,
            code TEXT
        ) STRICT;
        CREATE INDEX changes_by_job ON changes (job_id);

        -- Sums over jobs, so that status costs the same at a million jobs.
        CREATE TABLE tallies (
            pipeline TEXT NOT NULL,
            state TEXT NOT NULL,
            jobs INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            rows_failed INTEGER NOT NULL,
            PRIMARY KEY (pipeline, state)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER tally_insert AFTER INSERT ON jobs BEGIN
            INSERT INTO tallies (pipeline, state, jobs, rows, rows_failed)
                VALUES (new.pipeline, new.state, 1, coalesce(new.rows, 0), coalesce(new.rows_failed, 0))
                ON CONFLICT DO UPDATE SET jobs = jobs + 1, rows = rows + excluded.rows,
                    rows_failed = rows_failed + excluded.rows_failed;
        END;
        CREATE TRIGGER tally_delete AFTER DELETE ON jobs BEGIN
            UPDATE tallies SET jobs = jobs - 1, rows = rows - coalesce(old.rows, 0),
                    rows_failed = rows_failed - coalesce(old.rows_failed, 0)
                WHERE pipeline = old.pipeline AND state = old.state;
        END;
        CREATE TRIGGER tally_update AFTER UPDATE OF pipeline, state, rows, rows_failed ON jobs BEGIN
            UPDATE tallies SET jobs = jobs - 1, rows = rows - coalesce(old.rows, 0),
                    rows_failed = rows_failed - coalesce(old.rows_failed, 0)
                WHERE pipeline = old.pipeline AND state = old.state;
            INSERT INTO tallies (pipeline, state, jobs, rows, rows_failed)
                VALUES (new.pipeline, new.state, 1, coalesce(new.rows, 0), coalesce(new.rows_failed, 0))
                ON CONFLICT DO UPDATE SET jobs = jobs + 1, rows = rows + excluded.rows,
                    rows_failed = rows_failed + excluded.rows_failed;
        END;

        CREATE VIEW v1_store AS
            SELECT store_id, schema, created_at FROM store;

        CREATE VIEW v1_jobs AS
            SELECT job_id, pipeline, file_name, sha256, state, attempts, rows, rows_ok, rows_failed, model_id, solver,
                steps, form, kernel, duplicate_of, supersedes, features_path, submitted_at, started_at, finished_at,
                error_code, error_message, queue_seconds, decode_seconds, refine_seconds, classify_seconds,
                commit_seconds
            FROM jobs;

        CREATE VIEW v1_changes AS
            SELECT seq, at, job_id, from_state, to_state, code FROM changes;

        -- CROSS JOIN keeps results outermost, so that "after seq N, in order" walks the table and never sorts.
        CREATE VIEW v1_results AS
            SELECT r.seq, r.job_id, j.pipeline, r.row, r.item_id, r.label, r.class, r.score, r.margin,
                CASE r.status WHEN 0 THEN 'ok' WHEN 1 THEN 'non_finite' WHEN 2 THEN 'zero_norm' ELSE 'diverged' END
                    AS status,
                r.top_k, r.refined
            FROM results AS r CROSS JOIN jobs AS j ON j.job_id = r.job_id;

        -- SQLite takes the other columns from the row that has the maximum.
        CREATE VIEW v1_latest AS
            SELECT max(seq) AS seq, job_id, pipeline, row, item_id, label, class, score, margin, status, top_k, refined
            FROM v1_results GROUP BY pipeline, item_id;
        """
    /// What has been taken away, and up to where; and whose copy a store is.
    private static let retention = """
        ALTER TABLE jobs ADD COLUMN input_removed_at TEXT;
        ALTER TABLE jobs ADD COLUMN results_removed_at TEXT;
        -- Each holds only what is still to be looked at when its time has come.
        CREATE INDEX jobs_with_input ON jobs (pipeline, state, finished_at)
            WHERE filed_as IS NOT NULL AND input_removed_at IS NULL;
        CREATE INDEX jobs_with_results ON jobs (pipeline, finished_at)
            WHERE state = 'done' AND results_removed_at IS NULL;
        CREATE INDEX jobs_with_features ON jobs (pipeline, finished_at) WHERE features_path IS NOT NULL;
        CREATE INDEX jobs_filed ON jobs (pipeline, finished_at) WHERE filed_as IS NOT NULL;

        -- Jobs whose rows are out of sight and are being deleted, some at a time.
        CREATE TABLE removals (job_id INTEGER PRIMARY KEY) STRICT;

        -- Bytes of a job that retention has deleted: it was done.
        ALTER TABLE identities ADD COLUMN job_deleted INTEGER NOT NULL DEFAULT 0 CHECK (job_deleted IN (0, 1));

        -- The highest seq that was ever taken away.
        ALTER TABLE store ADD COLUMN results_removed_through INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE store ADD COLUMN changes_removed_through INTEGER NOT NULL DEFAULT 0;
        -- 'backup': a copy that nobody has written to yet. 'restored', 'recovered': one that must be compared with the
        -- spool, which may know of jobs that it does not.
        ALTER TABLE store ADD COLUMN origin TEXT CHECK (origin IN ('backup', 'restored', 'recovered'));

        DROP VIEW v1_latest;
        DROP VIEW v1_results;
        DROP VIEW v1_jobs;
        DROP VIEW v1_store;

        CREATE VIEW v1_store AS
            SELECT store_id, schema, created_at, results_removed_through, changes_removed_through FROM store;

        CREATE VIEW v1_jobs AS
            SELECT job_id, pipeline, file_name, sha256, state, attempts, rows, rows_ok, rows_failed, model_id, solver,
                steps, form, kernel, duplicate_of, supersedes, features_path, submitted_at, started_at, finished_at,
                error_code, error_message, queue_seconds, decode_seconds, refine_seconds, classify_seconds,
                commit_seconds, input_removed_at, results_removed_at
            FROM jobs;

        -- A job's rows go out of sight all together, as they came.
        CREATE VIEW v1_results AS
            SELECT r.seq, r.job_id, j.pipeline, r.row, r.item_id, r.label, r.class, r.score, r.margin,
                CASE r.status WHEN 0 THEN 'ok' WHEN 1 THEN 'non_finite' WHEN 2 THEN 'zero_norm' ELSE 'diverged' END
                    AS status,
                r.top_k, r.refined
            FROM results AS r CROSS JOIN jobs AS j ON j.job_id = r.job_id WHERE j.results_removed_at IS NULL;

        CREATE VIEW v1_latest AS
            SELECT max(seq) AS seq, job_id, pipeline, row, item_id, label, class, score, margin, status, top_k, refined
            FROM v1_results GROUP BY pipeline, item_id;
        """

    /// Which job's file a job has, if a person asked for it to be run again.
    private static let origins = """
        ALTER TABLE jobs ADD COLUMN requeue_of INTEGER;
        CREATE INDEX jobs_by_requeue_of ON jobs (requeue_of) WHERE requeue_of IS NOT NULL;

        DROP VIEW v1_jobs;
        CREATE VIEW v1_jobs AS
            SELECT job_id, pipeline, file_name, sha256, state, attempts, rows, rows_ok, rows_failed, model_id, solver,
                steps, form, kernel, duplicate_of, supersedes, features_path, submitted_at, started_at, finished_at,
                error_code, error_message, queue_seconds, decode_seconds, refine_seconds, classify_seconds,
                commit_seconds, input_removed_at, results_removed_at, requeue_of
            FROM jobs;
        """
}
