import Foundation
import GRDB

/// A job that came to its end.
package struct Settlement: Equatable, Sendable {
    package var at: Date
    package var state: JobState
    /// Rows that became visible.
    package var rows: Int
    /// From when its file was claimed.
    package var seconds: Double

    package init(at: Date, state: JobState, rows: Int, seconds: Double) {
        self.at = at
        self.state = state
        self.rows = rows
        self.seconds = seconds
    }
}

extension StoreReader {
    /// Jobs that came to their end in the `span` changes after a cursor, in order, and the cursor to go on with.
    package func settlements(
        after seq: Int64, span: Int64
    ) throws -> (settlements: [Settlement], next: Int64) {
        let settled = JobState.allCases.filter(\.isSettled).map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try read { database in
            let newest = try Int64.fetchOne(database, sql: "SELECT max(seq) FROM changes") ?? 0
            let last = max(seq, min(newest, seq + span))
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT c.at, c.to_state, CASE c.to_state WHEN 'done' THEN j.rows ELSE 0 END AS rows,
                        (julianday(c.at) - julianday(j.submitted_at)) * 86400 AS seconds
                    FROM changes AS c CROSS JOIN jobs AS j ON j.job_id = c.job_id
                    WHERE c.seq > ? AND c.seq <= ? AND c.to_state IN (\(settled)) ORDER BY c.seq
                    """, arguments: [seq, last])
            var settlements: [Settlement] = []
            while let row = try rows.next() {
                guard let at = Timestamp.date(row["at"]), let state = JobState(rawValue: row["to_state"]) else {
                    continue
                }
                settlements.append(
                    Settlement(at: at, state: state, rows: row["rows"] ?? 0, seconds: row["seconds"] ?? 0))
            }
            return (settlements, last)
        }
    }

    /// The newest change before a time, 0 if there is none: some twenty look-ups, as changes come in order of time.
    package func lastChange(before time: Date) throws -> Int64 {
        let limit = Timestamp.text(time)
        return try read { database in
            var low: Int64 = 0
            var high = try (Int64.fetchOne(database, sql: "SELECT max(seq) FROM changes") ?? 0) + 1
            while high - low > 1 {
                let middle = low + (high - low) / 2
                // Retention leaves gaps; the next one there is answers for them.
                let at = try String.fetchOne(
                    database, sql: "SELECT at FROM changes WHERE seq >= ? ORDER BY seq LIMIT 1", arguments: [middle])
                if let at, at < limit { low = middle } else { high = middle }
            }
            return low
        }
    }
}
