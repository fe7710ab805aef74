import Accounting
import Daemon

/// One job for a person: what is known of it, then the steps of its life, then who else had the same bytes.
struct JobText {
    let history: JobHistory
    /// Jobs of the same pipeline with the same bytes, this one included or not.
    let sameBytes: [JobRecord]
    /// The options that lead to the same service.
    let suffix: String

    private var job: JobRecord { history.job }

    var text: String {
        [facts, steps, relatives, advice].compactMap(\.self).joined(separator: "\n\n")
    }

    private var facts: String {
        listing([
            ("job", String(job.jobID)),
            ("state", job.state.rawValue),
            ("why", job.errorCode.map { "\($0): \(job.errorMessage ?? "")" }),
            ("pipeline", job.pipeline),
            ("file", job.fileName),
            ("sha256", job.sha256),
            ("same bytes as", job.duplicateOf.map { "job \($0)" }),
            ("instead of", job.supersedes.map { "job \($0)" }),
            ("requeue of", job.requeueOf.flatMap { $0 == job.supersedes ? nil : "job \($0)" }),
            ("requeued as", history.requeuedAs.map { "job \($0)" }),
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
            ("queued for", job.queueSeconds.map(Figures.duration)),
            ("took", times),
            ("rows per second", job.rowsPerSecond.map { Figures.grouped(Int($0)) }),
            ("input removed", job.inputRemovedAt),
            ("rows removed", job.resultsRemovedAt),
        ])
    }

    private var times: String? {
        let parts = [
            ("decode", job.decodeSeconds), ("refine", job.refineSeconds), ("classify", job.classifySeconds),
            ("commit", job.commitSeconds),
        ].compactMap { name, seconds in seconds.map { "\(name) \(Figures.duration($0))" } }
        guard !parts.isEmpty else { return nil }
        return (job.workSeconds.map { "\(Figures.duration($0)): " } ?? "") + parts.joined(separator: ", ")
    }

    private var steps: String {
        var table = TextTable([("at", .left), ("after", .right), ("from", .left), ("to", .left), ("why", .left)])
        var last: String?
        for change in history.changes {
            let step = last.flatMap { StatusReport.seconds(from: $0, to: change.at) }.map(Figures.duration)
            last = change.at
            table.add([
                change.at, step ?? "", change.fromState?.rawValue ?? "-", change.toState.rawValue, change.code ?? "",
            ])
        }
        return table.text
    }

    private var relatives: String? {
        let others = sameBytes.filter { $0.jobID != job.jobID }
        return others.isEmpty ? nil : "The same bytes:\n" + JobTable(jobs: others).text
    }

    private var advice: String? {
        let id = "\(job.jobID)\(suffix)"
        if let successor = history.requeuedAs { return "what came of it: sono job \(successor)\(suffix)" }
        return switch job.state {
        case .failed where job.needsOtherBytes:
            "the same bytes would fail again: drop a sound file"
        case .failed, .cancelled: "try it again: sono requeue \(id)"
        case .held: "let it go on: sono release \(id)"
        case .queued, .retrying: "set it aside: sono hold \(id); give it up: sono cancel \(id)"
        case .running: "watch: sono status --watch\(suffix)"
        case .done: job.resultsRemovedAt == nil ? "its rows: sono results --job \(id)" : nil
        case .duplicate:
            job.duplicateOf.map { original in
                "its rows are those of: sono job \(original)\(suffix); to have them computed again: "
                    + "sono submit --again FILE --pipeline \(job.pipeline)\(suffix)"
            }
        }
    }
}
