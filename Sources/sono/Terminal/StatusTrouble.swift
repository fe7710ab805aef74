import Accounting
import Daemon
import Failures

/// Something that is stuck: why, and what to type.
struct StatusTrouble {
    struct Command {
        let text: String
        let purpose: String
    }

    /// Nil for a service that does not answer: that is said where it is asked whether it is alive.
    let words: String?
    let commands: [Command]

    /// The gravest first: the service, its store, its pipelines, then jobs.
    static func all(look: StatusLook, suffix: String, version: String) -> [StatusTrouble] {
        let report = look.report
        let say = Say(suffix: suffix)
        return [say.absence(report), say.store(report), say.paused(report), say.version(report, version)]
            .compactMap(\.self)
            + report.warnings.map { StatusTrouble(words: $0, commands: []) }
            + report.pipelines.flatMap(say.pipeline)
            + [say.failed(look), say.retrying(look), say.held(report)].compactMap(\.self)
    }
}

/// The words for each.
private struct Say {
    let suffix: String
    private var isInstalled: Bool { suffix.isEmpty }

    func absence(_ report: StatusReport) -> StatusTrouble? {
        guard let absence = report.absence else { return nil }
        // By hand, as root, it would leave files that the installed service may not write.
        let start = command(isInstalled ? "systemctl start sono" : "sono serve\(suffix)", "start it")
        let log = isInstalled ? [command("journalctl -u sono -n 50", "its last words")] : []
        let commands: [StatusTrouble.Command] =
            switch absence.kind {
            case .down, .staleSocket: [start] + log
            case .starting, .busy: log
            case .hung:
                (isInstalled
                    ? [command("systemctl restart sono", "end it and start it anew; no batch is lost")]
                    : absence.pid.map { [command("kill -KILL \($0)", "end it; no batch is lost"), start] } ?? []) + log
            case .notAdmitted: isInstalled ? [command("usermod -aG sono-read USER", "as root; then log in anew")] : []
            }
        return StatusTrouble(words: nil, commands: commands)
    }

    func store(_ report: StatusReport) -> StatusTrouble? {
        report.storeProblem.map { problem in
            StatusTrouble(
                words: "the store cannot be read, \(problem.code): \(problem.message)",
                commands: [command("sono doctor\(suffix)", "what is wrong with it; as root")])
        }
    }

    func paused(_ report: StatusReport) -> StatusTrouble? {
        report.paused.map { problem in
            StatusTrouble(
                words: "intake pauses, \(problem.code): \(problem.message)",
                commands: problem.code == FailureCode.noSpace.rawValue
                    ? [command("sono gc --dry-run\(suffix)", "what retention could take away now")] : [])
        }
    }

    func version(_ report: StatusReport, _ version: String) -> StatusTrouble? {
        guard let running = report.version, running != version else { return nil }
        return StatusTrouble(
            words: "the service that runs is \(running), this program is \(version): an upgrade is not in force yet",
            commands: isInstalled ? [command("systemctl restart sono", "run the installed version")] : [])
    }

    func pipeline(_ pipeline: StatusReport.Pipeline) -> [StatusTrouble] {
        var troubles = pipeline.warnings.map { StatusTrouble(words: "\(pipeline.name): \($0)", commands: []) }
        if let problem = pipeline.problem {
            let reload = isInstalled ? [command("systemctl reload sono", "take over what was mended")] : []
            troubles.insert(
                StatusTrouble(
                    words: "\(pipeline.name): \(problem.code): \(problem.message)",
                    commands: [command("sono serve --check\(suffix)", "what is wrong in pipeline.d, and where")]
                        + reload),
                at: 0)
        } else if pipeline.state == .removed, pipeline.incoming > 0 {
            troubles.append(
                StatusTrouble(
                    words: "\(pipeline.name): \(pipeline.incoming) files wait and no configuration names it",
                    commands: []))
        }
        return troubles
    }

    func failed(_ look: StatusLook) -> StatusTrouble? {
        let count = total(.failed, look.report)
        guard count > 0 else { return nil }
        let newest = look.troubled.first { $0.state == .failed }
        let reason =
            newest.map { "; the newest, job \($0.jobID): \($0.errorCode ?? ""): \($0.errorMessage ?? "")" } ?? ""
        return StatusTrouble(
            words: "\(Figures.grouped(count)) failed\(reason)",
            commands: [command("sono jobs --state failed\(suffix)", "which, and why")]
                + (newest.map { [command("sono requeue \($0.jobID)\(suffix)", "try one again")] } ?? []))
    }

    func retrying(_ look: StatusLook) -> StatusTrouble? {
        let count = total(.retrying, look.report)
        guard count > 0 else { return nil }
        let newest = look.troubled.first { $0.state == .retrying }
        let reason = newest.map { ", job \($0.jobID): \($0.errorCode ?? ""): \($0.errorMessage ?? "")" } ?? ""
        return StatusTrouble(
            words: "\(Figures.grouped(count)) will be tried again\(reason)",
            commands: newest.map { [command("sono job \($0.jobID)\(suffix)", "what happened to it")] } ?? [])
    }

    func held(_ report: StatusReport) -> StatusTrouble? {
        let count = total(.held, report)
        guard count > 0 else { return nil }
        return StatusTrouble(
            words: "\(Figures.grouped(count)) held by a person",
            commands: [
                command("sono jobs --state held\(suffix)", "which"),
                command("sono release ID\(suffix)", "let one go on"),
            ])
    }

    private func total(_ state: JobState, _ report: StatusReport) -> Int {
        report.pipelines.reduce(0) { $0 + ($1.counts?.jobs[state] ?? 0) }
    }

    private func command(_ text: String, _ purpose: String) -> StatusTrouble.Command {
        StatusTrouble.Command(text: text, purpose: purpose)
    }
}
