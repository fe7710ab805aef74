import Accounting

/// One job for a person: what is known of it, then the steps of its life.
struct JobText {
    let job: JobRecord
    let changes: [ChangeRecord]

    var text: String {
        let facts = listing([
            ("job", String(job.jobID)),
            ("state", job.state.rawValue),
            ("why", job.errorCode.map { "\($0): \(job.errorMessage ?? "")" }),
            ("pipeline", job.pipeline),
            ("file", job.fileName),
            ("sha256", job.sha256),
            ("same bytes as", job.duplicateOf.map { "job \($0)" }),
            ("instead of", job.supersedes.map { "job \($0)" }),
            ("attempts", String(job.attempts)),
            ("rows", job.rows.map(Figures.grouped)),
            ("rows ok", job.rowsOK.map(Figures.grouped)),
            ("rows failed", job.rowsFailed.map(Figures.grouped)),
            ("model", job.modelID),
            ("solved by", job.solver.map { "\($0), steps \(job.steps ?? 0), \(job.form ?? ""), \(job.kernel ?? "")" }),
            ("refined vectors", job.featuresPath),
            ("submitted", job.submittedAt),
            ("started", job.startedAt),
            ("finished", job.finishedAt),
            ("times", times),
            ("rows per second", job.rowsPerSecond.map { Figures.grouped(Int($0)) }),
        ])
        var table = TextTable([("at", .left), ("from", .left), ("to", .left), ("why", .left)])
        for change in changes {
            table.add([change.at, change.fromState?.rawValue ?? "-", change.toState.rawValue, change.code ?? ""])
        }
        return "\(facts)\n\n\(table.text)"
    }

    private var times: String? {
        let parts = [
            ("queued", job.queueSeconds), ("decode", job.decodeSeconds), ("refine", job.refineSeconds),
            ("commit", job.commitSeconds),
        ].compactMap { name, seconds in seconds.map { "\(name) \(Figures.duration($0))" } }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
