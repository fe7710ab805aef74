import Failures
import Foundation
import GRDB
import GRDBSQLite

/// Answers questions about the store over a connection that cannot write; works with the daemon up or down.
///
/// Each call sees one state of the store. Calls from several threads take turns.
public final class StoreReader: Sendable {
    public let path: String
    let connection: DatabaseQueue
    private let patience: Duration?

    /// - Parameter patience: how long one call may work; then it ends with `deadline`. A long one keeps its view of the
    ///   store, so that the WAL cannot be emptied meanwhile. Nil for as long as it takes.
    ///
    /// Throws `not_found` if there is no store, `store_newer` or `store_damaged` as `Store.open` does, and
    /// `unavailable` for one that may not be read by this user, or that an older version made and the daemon has not migrated
    /// yet.
    public static func open(path: String, patience: Duration? = nil) throws -> StoreReader {
        guard access(path, R_OK) == 0 else {
            if errno == EACCES { throw Failure.notAdmitted(to: path, what: "read") }
            throw Failure(
                .notFound, "There is no store at \(path): start the service once, or name its state directory.")
        }
        do {
            try Migration.refuseEmptied(path: path)
            try Migration.refuseForeignWAL(path: path)
            let connection = try StoreConnection.reader(path: path)
            let newest = Schema.migrations.count
            try connection.read { try Migration.inspect($0, path: path, newest: newest, thoroughly: false) }
            let version = try connection.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
            guard version == newest else {
                throw Failure(
                    .unavailable, "\(path) has schema \(version): start the service once to bring it up to date.")
            }
            return StoreReader(path: path, connection: connection, patience: patience)
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: path)
        }
    }

    private init(path: String, connection: DatabaseQueue, patience: Duration?) {
        self.path = path
        self.patience = patience
        self.connection = connection
    }

    public func close() throws {
        try connection.close()
    }

    /// Jobs in order of id.
    public func jobs(_ filter: JobFilter = JobFilter()) throws -> [JobRecord] {
        var conditions: [String] = []
        var values: [(any DatabaseValueConvertible)?] = []
        if !filter.states.isEmpty {
            conditions.append("state IN (\(filter.states.map { _ in "?" }.joined(separator: ", ")))")
            values += filter.states.map(\.rawValue)
        }
        if let pipeline = filter.pipeline {
            conditions.append("pipeline = ?")
            values.append(pipeline)
        }
        if let digits = filter.sha256?.lowercased() {
            // A range rather than LIKE: it uses the index. "g" follows every hex digit.
            conditions.append("sha256 >= ? AND sha256 < ?")
            values += [digits, digits + "g"]
        }
        if let after = filter.after {
            conditions.append("job_id > ?")
            values.append(after)
        }
        if let before = filter.before {
            conditions.append("job_id < ?")
            values.append(before)
        }
        filter.addSearch(to: &conditions, &values)
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let order = filter.newestFirst ? " DESC" : ""
        return try read { database in
            try JobRecord.fetchAll(
                database, sql: "SELECT * FROM v1_jobs\(condition) ORDER BY job_id\(order) LIMIT ?",
                arguments: StatementArguments(values + [filter.limit]))
        }
    }

    /// One job, or `not_found`.
    public func job(_ id: JobID) throws -> JobRecord {
        try read { database in
            guard
                let job = try JobRecord.fetchOne(
                    database, sql: "SELECT * FROM v1_jobs WHERE job_id = ?", arguments: [id])
            else {
                throw Failure(.notFound, "There is no job \(id): look it up with `sono jobs`.")
            }
            return job
        }
    }

    /// The steps of one job's life.
    public func changes(jobID: JobID) throws -> [ChangeRecord] {
        try read { database in
            try ChangeRecord.fetchAll(
                database, sql: "SELECT * FROM v1_changes WHERE job_id = ? ORDER BY seq", arguments: [jobID])
        }
    }

    /// The steps of every job's life after a cursor.
    public func changes(after seq: Int64 = 0, limit: Int = 1_000) throws -> [ChangeRecord] {
        try read { database in
            try ChangeRecord.fetchAll(
                database, sql: "SELECT * FROM v1_changes WHERE seq > ? ORDER BY seq LIMIT ?", arguments: [seq, limit])
        }
    }

    /// Rows after a cursor, in the order they became visible. The next cursor is the last row's `seq`.
    public func results(after seq: Int64 = 0, limit: Int = 1_000, jobID: JobID? = nil) throws -> [ResultRecord] {
        try page(after: seq, limit: limit, jobID: jobID).results
    }

    /// Rows that a page of one pipeline's rows passes over at most, so that it is short work among others' rows.
    package static let pageSpan: Int64 = 250_000

    /// Rows after a cursor, in the order they became visible.
    ///
    /// - Parameter bytes: about how many, as JSON; the page ends with the row that reaches it.
    /// - Returns: at most `limit` rows, and the cursor to go on with. A page may be short, even empty, and not be the last:
    ///   there is no more at present when the cursor stays where it was.
    public func page(
        after seq: Int64 = 0, limit: Int = 1_000, jobID: JobID? = nil, pipeline: String? = nil, bytes: Int = .max
    ) throws -> (results: [ResultRecord], next: Int64) {
        try read { database in
            let newest = try Int64.fetchOne(database, sql: "SELECT max(seq) FROM results") ?? 0
            var (first, last) = (seq, max(seq, newest))
            if let jobID {
                guard let span = try Self.span(of: jobID, in: database) else { return ([], seq) }
                (first, last) = (max(seq, span.lowerBound - 1), max(seq, span.upperBound))
            }
            if pipeline != nil, last - first > Self.pageSpan { last = first + Self.pageSpan }
            // Plus signs keep the walk on seq: through another index, each page would sort all that is left.
            let cursor = try Row.fetchCursor(
                database,
                sql: """
                    SELECT * FROM v1_results WHERE seq > ?1 AND seq <= ?2
                        AND (?3 IS NULL OR +job_id = ?3) AND (?4 IS NULL OR +pipeline = ?4)
                    ORDER BY seq LIMIT ?5
                    """, arguments: [first, last, jobID, pipeline, limit])
            let decoder = JSONDecoder()
            var records: [ResultRecord] = []
            var left = bytes
            while left > 0, let row = try cursor.next() {
                let record = try ResultRecord(row: row, decoder: decoder)
                left -= record.bytes
                records.append(record)
            }
            return (records, records.count == limit || left <= 0 ? records.last?.seq ?? last : last)
        }
    }

    /// A job's rows are stored in one transaction, in order: its first and last row enclose them.
    private static func span(of job: JobID, in database: Database) throws -> ClosedRange<Int64>? {
        func end(_ order: String) throws -> Int64? {
            try Int64.fetchOne(
                database, sql: "SELECT seq FROM results WHERE job_id = ? ORDER BY row \(order) LIMIT 1",
                arguments: [job])
        }
        guard let first = try end("ASC"), let last = try end("DESC") else { return nil }
        return first...last
    }

    /// How each pipeline stands, by name. Costs the same at a million jobs.
    public func counts() throws -> [PipelineCounts] {
        try read { database in
            var found: [String: PipelineCounts] = [:]
            let none = Dictionary(uniqueKeysWithValues: JobState.allCases.map { ($0, 0) })
            for row in try Row.fetchAll(database, sql: "SELECT pipeline, state, jobs, rows, rows_failed FROM tallies") {
                let pipeline: String = row["pipeline"]
                guard let state = JobState(rawValue: row["state"]) else { continue }
                var counts =
                    found[pipeline]
                    ?? PipelineCounts(pipeline: pipeline, jobs: none, rowsOK: 0, rowsFailed: 0, rowsWaiting: 0)
                let (rows, rowsFailed): (Int, Int) = (row["rows"], row["rows_failed"])
                counts.jobs[state] = row["jobs"]
                if state == .done {
                    counts.rowsOK = rows - rowsFailed
                    counts.rowsFailed = rowsFailed
                } else if !state.isSettled {
                    counts.rowsWaiting += rows
                }
                found[pipeline] = counts
            }
            let waiting = try Row.fetchAll(
                database,
                sql: """
                    SELECT pipeline, min(submitted_at) AS since FROM jobs
                    WHERE state IN ('queued', 'retrying') GROUP BY pipeline
                    """)
            for row in waiting {
                found[row["pipeline"]]?.oldestWaitingSince = row["since"]
            }
            return found.values.sorted { $0.pipeline < $1.pipeline }
        }
    }

    public func info() throws -> StoreInfo {
        try read { database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT *, sqlite_version() AS sqlite_version,
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'results'), 0) AS last_result,
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS last_change
                    FROM v1_store
                    """)
            guard let row else { throw Failure.damaged(path, cause: "the store's own row is missing") }
            return StoreInfo(
                storeID: row["store_id"], schema: row["schema"], createdAt: row["created_at"],
                sqliteVersion: row["sqlite_version"], databaseBytes: Self.size(path),
                walBytes: Self.size(path + "-wal"),
                lastResult: row["last_result"], lastChange: row["last_change"],
                resultsRemovedThrough: row["results_removed_through"],
                changesRemovedThrough: row["changes_removed_through"])
        }
    }

    /// The settled file's name in done/ or failed/, nil while it is in work/.
    public func filedName(of job: JobID) throws -> [UInt8]? {
        try read { database in
            try Data.fetchOne(database, sql: "SELECT filed_as FROM jobs WHERE job_id = ?", arguments: [job])
                .map { [UInt8]($0) }
        }
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try connection.read { database in
                guard let patience else { return try body(database) }
                var end = ContinuousClock.now + patience
                return try withUnsafeMutablePointer(to: &end) { end in
                    // Called every few thousand steps of SQLite's machine: some tens of microseconds.
                    sqlite3_progress_handler(
                        database.sqliteConnection, 4_096,
                        { end in
                            guard let end else { return 0 }
                            return end.load(as: ContinuousClock.Instant.self) < .now ? 1 : 0
                        }, end)
                    defer { sqlite3_progress_handler(database.sqliteConnection, 0, nil, nil) }
                    return try body(database)
                }
            }
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: path)
        }
    }
}

extension ResultRecord {
    fileprivate init(row: Row, decoder: JSONDecoder) throws {
        self.init(
            seq: row["seq"], jobID: row["job_id"], pipeline: row["pipeline"], row: row["row"], itemID: row["item_id"],
            label: row["label"], class: row["class"], score: row["score"], margin: row["margin"],
            status: row["status"],
            topK: try (row["top_k"] as Data?).map { try decoder.decode([LabelScore].self, from: $0) },
            refined: row["refined"])
    }

    /// About as many as its JSON takes.
    fileprivate var bytes: Int {
        let best = topK ?? []
        return 250 + itemID.utf8.count + (label?.utf8.count ?? 0) + best.reduce(0) { $0 + $1.label.utf8.count + 25 }
    }
}
