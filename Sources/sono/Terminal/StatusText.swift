import Accounting
import Daemon

/// The service's status for a person: is it alive, does it work, what is stuck and why, what to type.
struct StatusText {
    let report: StatusReport
    /// The options that lead to the same service.
    let suffix: String

    var text: String {
        [headline, running, pipelines, problems, store, advice].compactMap(\.self).joined(separator: "\n\n")
    }

    private var headline: String {
        var words = [Terminal.bold("sono \(report.phase.rawValue)")]
        if let paused = report.paused { words.append(Terminal.alarm("intake paused: \(paused.message)")) }
        if let pid = report.pid { words.append("pid \(pid)") }
        if let startedAt = report.startedAt { words.append("since \(startedAt)") }
        if let lastCommitAt = report.lastCommitAt { words.append("last commit \(lastCommitAt)") }
        if let rowsPerSecond = report.rowsPerSecond { words.append("\(Figures.grouped(Int(rowsPerSecond))) rows/s") }
        return words.joined(separator: ", ")
    }

    private var running: String? {
        report.running.map { running in
            "job \(running.jobID) of \(running.pipeline) runs: \(Figures.grouped(running.rowsDone)) of "
                + "\(Figures.grouped(running.rows)) rows in \(Figures.duration(running.seconds))"
        }
    }

    private var pipelines: String? {
        guard !report.pipelines.isEmpty else { return nil }
        let states: [JobState] = [.queued, .running, .retrying, .held, .done, .failed, .cancelled, .duplicate]
        var table = TextTable(
            [("pipeline", .left), ("state", .left), ("model", .left), ("incoming", .right)]
                + states.map { ($0.rawValue, .right) } + [("rows", .right), ("oldest waiting since", .left)])
        for pipeline in report.pipelines {
            table.add(
                [pipeline.name, pipeline.state.rawValue, model(pipeline), Figures.grouped(pipeline.incoming)]
                    + states.map { Figures.grouped(pipeline.counts?.jobs[$0] ?? 0) } + [
                        Figures.grouped((pipeline.counts?.rowsOK ?? 0) + (pipeline.counts?.rowsFailed ?? 0)),
                        pipeline.counts?.oldestWaitingSince ?? "",
                    ])
        }
        return table.text
    }

    private func model(_ pipeline: StatusReport.Pipeline) -> String {
        guard let model = pipeline.model else { return "-" }
        return model.order == 0
            ? "\(model.id) order 0" : "\(model.id) order \(model.order), \(model.solver) x \(model.steps)"
    }

    private var problems: String? {
        let lines = report.pipelines.flatMap { pipeline in
            (pipeline.problem.map { [Terminal.alarm("\(pipeline.name): \($0.code): \($0.message)")] } ?? [])
                + pipeline.warnings.map { "\(pipeline.name): \($0)" }
        }
        let all = report.warnings.map { Terminal.alarm($0) } + lines
        return all.isEmpty ? nil : all.joined(separator: "\n")
    }

    private var store: String? {
        report.store.map { store in
            "store \(store.storeID), \(Figures.bytes(store.databaseBytes + store.walBytes)), "
                + "last result seq \(store.lastResult)"
        }
    }

    private var advice: String? {
        func total(_ state: JobState) -> Int {
            report.pipelines.reduce(0) { $0 + ($1.counts?.jobs[state] ?? 0) }
        }
        if report.phase == .down {
            // By hand, as root, it would leave files that the installed service may not write.
            return suffix.isEmpty ? "start it: systemctl start sono" : "start it: sono serve\(suffix)"
        }
        if total(.failed) > 0 { return "see why: sono jobs --state failed\(suffix)" }
        if total(.held) > 0 { return "held jobs wait for: sono release ID\(suffix)" }
        return nil
    }
}
