import Failures
import Foundation
import GRDB
import Glibc

/// Builds a new store from what can be read of a damaged one, which is not written to.
///
/// Rows are copied by ranges of their numbers; a range that cannot be read is halved until single rows are left over. A job
/// comes over with all of its rows or with none: one that has lost some is left to be computed again where its input is
/// kept, and stays without rows where it is not. The new store has an id of its own and numbers that were not used before.
public struct StoreSalvage {
    /// A copy of the damaged file, its -wal beside it: reading may recover that, which writes.
    private let copy: String
    private let target: String
    /// Whether a job's file is still in done/, by pipeline and name.
    private let isKept: (String, [UInt8]) -> Bool

    public init(copyOfDamaged copy: String, target: String, isKept: @escaping (String, [UInt8]) -> Bool) {
        self.copy = copy
        self.target = target
        self.isKept = isKept
    }

    /// Rows of a job that a single statement copies at most.
    private static let span: Int64 = 16_384
    /// Unreadable ranges after which a table is given up.
    private static let mostGaps = 20_000

    /// - Parameter jobsAbove: a number that every new job's is to be above, besides those of the damaged store.
    public func run(jobsAbove: JobID) throws -> SalvageReport {
        do {
            try Store.open(path: target).close()
            var configuration = Configuration()
            configuration.foreignKeysEnabled = false
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA trusted_schema = OFF") }
            let connection = try DatabaseQueue(path: target, configuration: configuration)
            defer { try? connection.close() }
            return try connection.writeWithoutTransaction { database in
                // Not durable step by step: it is synced as a whole at its end.
                try database.execute(sql: "PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
                do {
                    try database.execute(sql: "ATTACH DATABASE ? AS damaged", arguments: [copy])
                } catch let error as DatabaseError where Self.isDamage(error) {
                    // No database any more: every table is given up.
                }
                var report = try copyTables(database)
                try mend(database, &report)
                try setNumbers(database, jobsAbove: jobsAbove)
                try? database.execute(sql: "DETACH DATABASE damaged")
                try finish(database)
                return report
            }
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: target)
        }
    }

    // MARK: - Reading

    private func copyTables(_ database: Database) throws -> SalvageReport {
        var report = SalvageReport()
        for (table, key) in [("jobs", "job_id"), ("changes", "seq"), ("results", "seq")] {
            report.tables.append(try copyByNumber(table, key, database))
        }
        for (table, key) in [("claims", "token"), ("identities", "pipeline, sha256")] {
            report.tables.append(try copyInOrder(table, key, database))
        }
        return report
    }

    /// The columns that both stores have: an older one has fewer.
    private func columns(of table: String, _ database: Database) -> String? {
        let here = try? String.fetchAll(
            database, sql: "SELECT name FROM pragma_table_info(?, 'main')", arguments: [table])
        let there = try? String.fetchAll(
            database, sql: "SELECT name FROM pragma_table_info(?, 'damaged')", arguments: [table])
        guard let there, !there.isEmpty else { return nil }
        return (here ?? []).filter(there.contains).joined(separator: ", ")
    }

    private func copyByNumber(_ table: String, _ key: String, _ database: Database) throws -> SalvageReport.Table {
        var found = SalvageReport.Table(name: table)
        guard let columns = columns(of: table, database), let last = lastNumber(table, key, database) else {
            found.isGivenUp = true
            return found
        }
        let copy =
            "INSERT INTO main.\(table) (\(columns)) SELECT \(columns) FROM damaged.\(table) NOT INDEXED "
            + "WHERE \(key) BETWEEN ? AND ?"
        // Lowest first; halves of a range that cannot be read are put back on top.
        var ranges: [ClosedRange<Int64>] = []
        var next: Int64 = 1
        var gaps = 0
        while next <= last || !ranges.isEmpty {
            let range = ranges.popLast() ?? next...min(next + Self.span - 1, last)
            if range.lowerBound == next { next = max(next, range.upperBound + 1) }
            do {
                try database.inTransaction {
                    try database.execute(sql: copy, arguments: [range.lowerBound, range.upperBound])
                    found.rows += database.changesCount
                    return .commit
                }
            } catch let error as DatabaseError {
                guard Self.isDamage(error) else { throw error }
                gaps += 1
                guard gaps <= Self.mostGaps else {
                    found.isGivenUp = true
                    break
                }
                if range.count == 1 {
                    found.unreadable += 1
                } else {
                    let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
                    ranges.append(middle + 1...range.upperBound)
                    ranges.append(range.lowerBound...middle)
                }
            }
        }
        return found
    }

    /// The highest number to look for; nil if nothing says.
    private func lastNumber(_ table: String, _ key: String, _ database: Database) -> Int64? {
        let given = try? Int64.fetchOne(
            database, sql: "SELECT seq FROM damaged.sqlite_sequence WHERE name = ?", arguments: [table])
        let stored = try? Int64.fetchOne(database, sql: "SELECT max(\(key)) FROM damaged.\(table)")
        return [given ?? nil, stored ?? nil].compactMap(\.self).max()
    }

    /// For tables without numbers: from both ends as far as it goes.
    private func copyInOrder(_ table: String, _ key: String, _ database: Database) throws -> SalvageReport.Table {
        var found = SalvageReport.Table(name: table)
        guard let columns = columns(of: table, database) else {
            found.isGivenUp = true
            return found
        }
        let descending = key.split(separator: ",").map { "\($0) DESC" }.joined(separator: ",")
        let marks = columns.split(separator: ",").map { _ in "?" }.joined(separator: ", ")
        let insert = "INSERT OR IGNORE INTO main.\(table) (\(columns)) VALUES (\(marks))"
        for order in [key, descending] {
            do {
                try database.inTransaction {
                    let rows = try Row.fetchCursor(
                        database, sql: "SELECT \(columns) FROM damaged.\(table) ORDER BY \(order)")
                    do {
                        while let row = try rows.next() {
                            try database.cachedStatement(sql: insert)
                                .execute(arguments: StatementArguments(row.databaseValues))
                            found.rows += database.changesCount
                        }
                    } catch let error as DatabaseError where Self.isDamage(error) {
                        found.isGivenUp = true
                    }
                    return .commit
                }
            } catch let error as DatabaseError where Self.isDamage(error) {
                found.isGivenUp = true
            }
            if !found.isGivenUp { break }
        }
        return found
    }

    /// What a row that is not what it was can lead to: unreadable pages, or values that the table does not allow.
    private static func isDamage(_ error: DatabaseError) -> Bool {
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_ERROR, .SQLITE_IOERR,
            .SQLITE_TOOBIG:
            true
        default: false
        }
    }

    // MARK: - Mending

    /// What does not belong together any more.
    private func mend(_ database: Database, _ report: inout SalvageReport) throws {
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
    private func setNumbers(_ database: Database, jobsAbove: JobID) throws {
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
    private func finish(_ database: Database) throws {
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

/// What a recovery has read of a damaged store, and what not.
public struct SalvageReport: Codable, Equatable, Sendable {
    public struct Table: Codable, Equatable, Sendable {
        public var name: String
        public var rows = 0
        /// Rows that are numbered and could not be read, those that were deleted among them excepted.
        public var unreadable = 0
        /// Whether there may be more that could not be found.
        public var isGivenUp = false

        public enum CodingKeys: String, CodingKey {
            case name
            case rows
            case unreadable
            case isGivenUp = "is_given_up"
        }
    }

    public var tables: [Table] = []
    /// Rows that could be read and whose job could not; they are left out.
    public var rowsWithoutJob = 0
    /// Jobs that have lost rows and whose input is kept: they are left out, and the input is computed anew.
    public var jobsToRecompute: [JobID] = []
    /// Jobs that have lost rows and whose input is no longer kept: they come over without any.
    public var jobsWithoutRows: [JobID] = []

    public init() {}

    public enum CodingKeys: String, CodingKey {
        case tables
        case rowsWithoutJob = "rows_without_job"
        case jobsToRecompute = "jobs_to_recompute"
        case jobsWithoutRows = "jobs_without_rows"
    }
}
