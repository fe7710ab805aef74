import Accounting
import Daemon
import Failures
import Foundation
import Glibc
import Pipelines

/// The service's status for a person: is it alive, is it ready, does it make progress, what is stuck and why, what to type.
struct StatusText {
    let report: StatusReport
    /// When it was made.
    let at: Date
    let paths: ServicePaths
    /// Of this program.
    let version: String

    private var isInstalled: Bool { paths == .system }

    var text: String {
        let troubles = (upgrade.map { [$0] } ?? []) + (report.troubles ?? [])
        // What keeps it from starting, before the start.
        let commands =
            troubles.filter(\.grave).flatMap(\.commands) + (report.absence.map(commands) ?? [])
            + troubles.filter { !$0.grave }.flatMap(\.commands)
        return [
            answers(troubles.map(\.words)),
            pipelines,
            listing("to type", TextTable.lines(commands.map { [$0.text, "# \($0.purpose)"] })),
            store,
        ].compactMap(\.self).joined(separator: "\n\n")
    }

    private func answers(_ stuck: [String]) -> String {
        [
            listing("alive", [alive]),
            listing("ready", [ready]),
            listing("progress", progress),
            listing("stuck", stuck.isEmpty ? ["nothing known"] : stuck.map(Terminal.alarm)),
        ].compactMap(\.self).joined(separator: "\n")
    }

    private var alive: String {
        if let absence = report.absence {
            let word =
                switch absence.kind {
                case .down, .staleSocket: "no"
                case .starting: "starting"
                case .hung: "hung"
                case .busy: "yes, but late"
                case .notAdmitted: "not known"
                }
            return "\(Terminal.alarm(word)): \(absence.message)"
        }
        return [
            "yes", report.version.map { "sono \($0)" }, report.pid.map { "process \($0)" }, since(report.startedAt),
        ]
        .compactMap(\.self).joined(separator: ", ")
    }

    /// What helps against a service that does not answer. It cannot say so itself.
    private func commands(_ absence: Absence) -> [Trouble.Command] {
        let start = Trouble.Command(paths.startCommand, "start it")
        let log = isInstalled ? [Trouble.Command("journalctl -u sono -n 50", "its last words")] : []
        return switch absence.kind {
        case .down, .staleSocket: [start] + log
        case .starting, .busy: log
        case .hung:
            (isInstalled
                ? [Trouble.Command("systemctl restart sono", "end it and start it anew; no batch is lost")]
                : absence.pid.map { [Trouble.Command("kill -KILL \($0)", "end it; no batch is lost"), start] } ?? [])
                + log
        case .notAdmitted:
            isInstalled
                ? [Trouble.Command("usermod -aG sono-read \(AccountName.user(getuid()))", "as root; then log in anew")]
                : []
        }
    }

    private var upgrade: Trouble? {
        guard let running = report.version, running != version else { return nil }
        return Trouble(
            words: "the service that runs is \(running), this program is \(version): an upgrade is not in force yet",
            commands: isInstalled ? [Trouble.Command("systemctl restart sono", "run the installed version")] : [])
    }

    private var ready: String {
        if report.phase == .ready { return "yes" }
        if let paused = report.paused { return Terminal.alarm("no: intake pauses, \(paused.code): \(paused.message)") }
        return report.phase == .down ? "no" : "no: it is \(report.phase.rawValue)"
    }

    private var progress: [String] {
        let words =
            switch report.progress?.kind {
            case .working: "yes"
            case .idle: "idle: nothing waits"
            case .waiting: "waiting"
            case .stalled:
                Terminal.alarm(
                    "no: jobs are due and none has run for \(Figures.duration(report.progress?.seconds ?? 0))")
            case .unknown, nil: "not known; what follows was read from the store"
            }
        let facts = [
            words, report.lastCommitAt.flatMap(ago).map { "last commit \($0) ago" },
            report.rowsPerSecond.map { "\(Figures.grouped(Int($0))) rows/s" },
        ]
        let running = report.running.map { running in
            "job \(running.jobID) of \(running.pipeline): \(Figures.grouped(running.rowsDone)) of "
                + "\(Figures.grouped(running.rows)) rows in \(Figures.duration(running.seconds))"
        }
        return [facts.compactMap(\.self).joined(separator: ", "), running].compactMap(\.self)
    }

    private var pipelines: String? {
        guard !report.pipelines.isEmpty else { return nil }
        let states: [JobState] = [.queued, .running, .retrying, .held, .done, .failed, .cancelled, .duplicate]
        var table = TextTable(
            [("pipeline", .left), ("state", .left), ("model", .left), ("incoming", .right)]
                + states.map { ($0.rawValue, .right) } + [("rows", .right), ("waits for", .right)])
        for pipeline in report.pipelines {
            let rows = (pipeline.counts?.rowsOK ?? 0) + (pipeline.counts?.rowsFailed ?? 0)
            table.add(
                [pipeline.name, pipeline.state.rawValue, model(pipeline), Figures.grouped(pipeline.incoming)]
                    + states.map { Figures.grouped(pipeline.counts?.jobs[$0] ?? 0) }
                    + [Figures.grouped(rows), pipeline.counts?.oldestWaitingSince.flatMap(ago) ?? ""])
        }
        return table.text
    }

    private func model(_ pipeline: StatusReport.Pipeline) -> String {
        guard let model = pipeline.model else { return "-" }
        return model.order == 0
            ? "\(model.id) order 0" : "\(model.id) order \(model.order), \(model.solver) x \(model.steps)"
    }

    private var store: String? {
        report.store.map { store in
            "store \(store.storeID), \(Figures.bytes(store.databaseBytes + store.walBytes)), last result seq "
                + "\(store.lastResult)"
        }
    }

    private func since(_ time: String?) -> String? {
        time.flatMap(ago).map { "for \($0)" }
    }

    private func ago(_ time: String) -> String? {
        StatusReport.seconds(since: time, at: at).map(Figures.duration)
    }

    /// A title in bold beside lines; nil for none.
    private func listing(_ title: String, _ lines: [String]) -> String? {
        guard !lines.isEmpty else { return nil }
        let width = 10
        return lines.enumerated().map { index, line in
            let name = index == 0 ? title : ""
            let space = String(repeating: " ", count: width - name.count)
            return (name.isEmpty ? "" : Terminal.bold(name)) + space + line
        }.joined(separator: "\n")
    }
}
