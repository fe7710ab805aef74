import Failures
import Foundation
import GRDB

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
    let isKept: (String, [UInt8]) -> Bool

    public init(copyOfDamaged copy: String, target: String, isKept: @escaping (String, [UInt8]) -> Bool) {
        self.copy = copy
        self.target = target
        self.isKept = isKept
    }

    /// Rows that a single statement copies at most.
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
    func lastNumber(_ table: String, _ key: String, _ database: Database) -> Int64? {
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
}
