import Accounting
import Failures
import Foundation
import Pipelines

extension StatusReport {
    /// Fills in what is stuck, why, and what to type, for the terminal, the page and programs alike.
    ///
    /// - Parameter reader: to name the newest job that failed or is tried again; the advice is worth giving without.
    mutating func advise(from reader: StoreReader?, paths: ServicePaths) {
        troubles = Advice(report: self, paths: paths, reader: reader).troubles
    }

    /// Why a service that is down may not start: what is wrong in the files of pipeline.d. Models are not looked at.
    mutating func adviseOnConfiguration(paths: ServicePaths) {
        // What this user may not read is no answer.
        guard absence?.kind == .down || absence?.kind == .staleSocket,
            let found = try? ConfigurationDirectory.load(paths.configuration)
        else { return }
        let check = Trouble.Command("sono serve --check\(paths.options)", "what is wrong in pipeline.d, and where")
        var faults = found.sorted { $0.key < $1.key }.compactMap { name, result -> Trouble? in
            let isClosed = access("\(paths.configuration)/\(name).yaml", R_OK) != 0 && errno == EACCES
            guard case .failure(let failure) = result, !isClosed else { return nil }
            return Trouble(
                grave: true, words: "\(name): \(failure.code.rawValue): \(failure.message)", commands: [check])
        }
        if found.isEmpty {
            faults = [
                Trouble(grave: true, words: "\(paths.configuration) has no pipeline: add NAME.yaml", commands: [check])
            ]
        }
        troubles = faults + (troubles ?? [])
    }
}

/// The words for each trouble.
private struct Advice {
    let report: StatusReport
    let paths: ServicePaths
    let reader: StoreReader?

    private static let day: TimeInterval = 86_400

    private var isInstalled: Bool { paths == .system }

    /// The gravest first: the store, the service, its pipelines, then jobs.
    var troubles: [Trouble] {
        [store, paused, stalled].compactMap(\.self)
            + report.warnings.map { Trouble(words: $0) }
            + report.pipelines.flatMap(pipeline)
            + [failed, retrying, held].compactMap(\.self)
    }

    private var store: Trouble? {
        report.storeProblem.map { problem in
            // One of an older version is brought up to date by a start.
            let isOlder = problem.code == FailureCode.unavailable.rawValue && access(paths.store, R_OK) == 0
            return Trouble(
                grave: !isOlder, words: "the store cannot be read, \(problem.code): \(problem.message)",
                commands: isOlder ? [] : [command("sono doctor", "what is wrong with it; as root")])
        }
    }

    private var paused: Trouble? {
        report.paused.map { problem in
            Trouble(
                grave: true, words: "intake pauses, \(problem.code): \(problem.message)",
                commands: problem.code == FailureCode.noSpace.rawValue
                    ? [command("sono gc --dry-run", "what retention could take away now")] : [])
        }
    }

    private var stalled: Trouble? {
        guard report.progress?.kind == .stalled else { return nil }
        let due = report.pipelines.filter { $0.state == .running }.reduce(0) { $0 + ($1.counts?.jobs[.queued] ?? 0) }
        return Trouble(
            grave: true, words: "no batch comes to its end although \(due) are due",
            commands: isInstalled
                ? [Trouble.Command("journalctl -u sono -p warning -n 20", "what the service says of it")] : [])
    }

    private func pipeline(_ pipeline: StatusReport.Pipeline) -> [Trouble] {
        var troubles = pipeline.warnings.map { Trouble(words: "\(pipeline.name): \($0)") }
        if let problem = pipeline.problem {
            let reload = isInstalled ? [Trouble.Command("systemctl reload sono", "take over what was mended")] : []
            // While it runs that is trouble with its directories, or with a file that cannot be moved.
            let isOfSpool = pipeline.state == .running && problem.code == FailureCode.ioError.rawValue
            troubles.insert(
                Trouble(
                    grave: pipeline.state != .running, words: "\(pipeline.name): \(problem.code): \(problem.message)",
                    commands: isOfSpool
                        ? [list(pipeline, "what lies there; as root")]
                        : [command("sono serve --check", "what is wrong in pipeline.d, and where")] + reload),
                at: 0)
        } else if pipeline.state == .removed, pipeline.incoming > 0 {
            troubles.append(
                Trouble(
                    words: "\(pipeline.name): \(pipeline.incoming) files wait and no configuration names it: give it "
                        + "\(pipeline.name).yaml and reload, or take the files away",
                    commands: [list(pipeline, "which; as root")]))
        }
        return troubles
    }

    private func list(_ pipeline: StatusReport.Pipeline, _ purpose: String) -> Trouble.Command {
        Trouble.Command("ls -la \("\(paths.spool)/\(pipeline.name)/incoming".shellQuoted)", purpose)
    }

    /// Those that nobody has dealt with, and not for ever: who does not want a batch any more has nothing to type.
    private var failed: Trouble? {
        guard total(.failed) > 0 else { return nil }
        let list = command("sono jobs --state failed", "which, and why")
        guard let failures = try? reader?.standingFailures(since: Date() - Self.day) else {
            return Trouble(words: "\(total(.failed)) failed, it is not known when", commands: [list])
        }
        guard let newest = failures.newest else { return nil }
        let count = "\(failures.areAll ? "" : "at least ")\(failures.count)"
        return Trouble(
            words: "\(count) failed within a day; the newest, job \(newest.jobID): \(newest.reason)",
            commands: [
                list,
                newest.needsOtherBytes
                    ? command("sono job \(newest.jobID)", "all about the newest; drop a sound file")
                    : command("sono requeue \(newest.jobID)", "try the newest again, once the cause is gone"),
            ])
    }

    private var retrying: Trouble? {
        let count = total(.retrying)
        guard count > 0 else { return nil }
        let newest = newest(.retrying)
        let reason = newest.map { ", job \($0.jobID): \($0.reason)" } ?? ""
        return Trouble(
            words: "\(count) will be tried again\(reason)",
            commands: newest.map { [command("sono job \($0.jobID)", "what happened to it")] } ?? [])
    }

    private var held: Trouble? {
        let count = total(.held)
        guard count > 0 else { return nil }
        return Trouble(
            words: "\(count) held by a person",
            commands: [command("sono jobs --state held", "which")]
                + (newest(.held).map { [command("sono release \($0.jobID)", "let the newest go on")] } ?? []))
    }

    private func newest(_ state: JobState) -> JobRecord? {
        (try? reader?.jobs(JobFilter(states: [state], newestFirst: true, limit: 1)))?.first
    }

    private func total(_ state: JobState) -> Int {
        report.pipelines.reduce(0) { $0 + ($1.counts?.jobs[state] ?? 0) }
    }

    private func command(_ text: String, _ purpose: String) -> Trouble.Command {
        Trouble.Command(text + paths.options, purpose)
    }
}

extension JobRecord {
    fileprivate var reason: String { "\(errorCode ?? ""): \(errorMessage ?? "")" }
}
