import GRDB

extension StoreReader {
    /// Looks at the newest rows of a pipeline: those of the batches done last, as many as `Distribution.span` says.
    public func distribution(pipeline: String) throws -> Distribution {
        try read { database in
            var found = Distribution(
                pipeline: pipeline, jobs: 0, rows: 0, rowsOK: 0, classes: [], otherClasses: 0, otherRows: 0,
                scores: [Int](repeating: 0, count: Distribution.bins))
            var classes: [String: (rows: Int, scores: Double)] = [:]
            let jobs = try Row.fetchCursor(
                database,
                sql: """
                    SELECT job_id, rows, finished_at FROM jobs
                    WHERE pipeline = ? AND state = 'done' AND results_removed_at IS NULL
                    ORDER BY finished_at DESC LIMIT ?
                    """, arguments: [pipeline, Distribution.span.jobs])
            let newestRows = try database.cachedStatement(
                sql: "SELECT label, score FROM results WHERE job_id = ? AND row >= ?")
            while found.rows < Distribution.span.rows, let job = try jobs.next() {
                let (id, count): (JobID, Int) = (job["job_id"], job["rows"])
                found.jobs += 1
                found.since = job["finished_at"]
                let left = Distribution.span.rows - found.rows
                let rows = try Row.fetchCursor(newestRows, arguments: [id, max(0, count - left)])
                while let row = try rows.next() {
                    found.rows += 1
                    guard let label: String = row[0], let score: Double = row[1] else { continue }
                    found.rowsOK += 1
                    classes[label, default: (0, 0)].rows += 1
                    classes[label, default: (0, 0)].scores += score
                    found.scores[max(0, min(Distribution.bins - 1, Int(score * Double(Distribution.bins))))] += 1
                }
            }
            let sorted = classes.sorted { ($1.value.rows, $0.key) < ($0.value.rows, $1.key) }
            found.classes = sorted.prefix(Distribution.listed).map { label, sums in
                Distribution.ClassCount(
                    label: label, rows: sums.rows, meanScore: sums.scores / Double(sums.rows))
            }
            found.otherClasses = sorted.count - found.classes.count
            found.otherRows = found.rowsOK - found.classes.reduce(0) { $0 + $1.rows }
            return found
        }
    }
}
