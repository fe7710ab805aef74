import Accounting

/// Jobs as lines of a table.
struct JobTable {
    let jobs: [JobRecord]

    var text: String {
        var table = TextTable([
            ("job", .right), ("state", .left), ("pipeline", .left), ("rows", .right), ("failed rows", .right),
            ("took", .right), ("rows/s", .right), ("submitted", .left), ("file", .left), ("why", .left),
        ])
        for job in jobs {
            table.add([
                String(job.jobID), job.state.rawValue, job.pipeline, job.rows.map(Figures.grouped) ?? "-",
                job.rowsFailed.map(Figures.grouped) ?? "-", job.workSeconds.map(Figures.duration) ?? "-",
                job.rowsPerSecond.map { Figures.grouped(Int($0)) } ?? "-", job.submittedAt, job.fileName, why(job),
            ])
        }
        return table.text
    }

    private func why(_ job: JobRecord) -> String {
        if let original = job.duplicateOf { return "same bytes as \(original)" }
        if let code = job.errorCode { return code }
        if let older = job.supersedes { return "instead of \(older)" }
        return job.requeueOf.map { "requeue of \($0)" } ?? ""
    }
}

extension JobRecord {
    /// Decoding, refining with classifying, and committing together, where all of it was done.
    var workSeconds: Double? {
        guard let decodeSeconds, let refineSeconds, let commitSeconds else { return nil }
        return decodeSeconds + refineSeconds + commitSeconds
    }

    var rowsPerSecond: Double? {
        guard state == .done, let rows, let workSeconds, workSeconds > 0 else { return nil }
        return Double(rows) / workSeconds
    }
}
