import Foundation
import GRDB

extension StoreReader {
    /// What has had its time in a pipeline, counted without touching it. File sizes are as they were taken in.
    public func expired(pipeline: String, _ horizons: Horizons) throws -> RemovalCounts {
        try read { database in
            var counts = RemovalCounts()
            for state in JobState.allCases where state.isSettled {
                guard let horizon = state.filesUnderFailed ? horizons.failed : horizons.inputs,
                    let row = try Row.fetchOne(
                        database,
                        sql: """
                            SELECT count(*) AS files, coalesce(sum(file_bytes), 0) AS bytes FROM jobs
                            WHERE pipeline = ? AND state = ? AND filed_as IS NOT NULL AND input_removed_at IS NULL
                                AND finished_at < ?
                            """, arguments: [pipeline, state.rawValue, Timestamp.text(horizon)])
                else { continue }
                let (files, bytes): (Int, Int) = (row["files"], row["bytes"])
                counts.fileBytes += bytes
                if state.filesUnderFailed { counts.failed += files } else { counts.inputs += files }
            }
            func count(_ sql: String, _ horizon: Date?) throws -> Int {
                guard let horizon else { return 0 }
                return try Int.fetchOne(database, sql: sql, arguments: [pipeline, Timestamp.text(horizon)]) ?? 0
            }
            counts.features = try count(
                "SELECT count(*) FROM jobs WHERE pipeline = ? AND features_path IS NOT NULL AND finished_at < ?",
                horizons.features)
            counts.results = try count(
                """
                SELECT coalesce(sum(rows), 0) FROM jobs
                WHERE pipeline = ? AND state = 'done' AND results_removed_at IS NULL AND finished_at < ?
                """, horizons.results)
            counts.jobs = try count(
                "SELECT count(*) FROM jobs WHERE pipeline = ? AND filed_as IS NOT NULL AND finished_at < ?",
                horizons.jobs)
            return counts
        }
    }
}
