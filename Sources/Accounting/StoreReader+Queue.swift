import Foundation
import GRDB

extension StoreReader {
    /// Who waits how long, by pipeline; those for whom nothing waits are left out. Costs as much as there is to do.
    public func queueAges(at now: Date = Date()) throws -> [QueueAges] {
        let columns = QueueAges.bounds.count + 1
        let limits = QueueAges.bounds.map { Timestamp.text(now.addingTimeInterval(-Double($0))) }
        let column = limits.indices.map { "(submitted_at < ?\($0 + 1))" }.joined(separator: " + ")
        return try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT pipeline, \(column) AS age, count(*) AS batches, coalesce(sum(rows), 0) AS rows,
                        min(submitted_at) AS since
                    FROM jobs WHERE state IN ('queued', 'running', 'retrying') GROUP BY 1, 2
                    """, arguments: StatementArguments(limits))
            var found: [String: QueueAges] = [:]
            for row in rows {
                let (pipeline, age, since): (String, Int, String) = (row["pipeline"], row["age"], row["since"])
                let none = [Int](repeating: 0, count: columns)
                var ages =
                    found[pipeline] ?? QueueAges(pipeline: pipeline, batches: none, rows: none, oldestSince: since)
                ages.batches[age] = row["batches"]
                ages.rows[age] = row["rows"]
                ages.oldestSince = min(ages.oldestSince, since)
                found[pipeline] = ages
            }
            return found.values.sorted { $0.pipeline < $1.pipeline }
        }
    }
}
