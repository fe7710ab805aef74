import Failures
import Foundation
import Glibc
import Pipelines
import Spooling

/// The service itself, and its configuration.
extension Doctor {
    mutating func examineService() {
        do {
            let answer = try UnixHTTPClient(path: paths.statusSocket).send("GET", "/health/ready")
            isRunning = true
            let words = String(decoding: answer.body, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            let process = SpoolLock.holder(spool: paths.spool, state: paths.state).map { "process \($0): " } ?? ""
            report.add(
                "service", answer.status == 200 ? .ok : .problem, process + words,
                remedy: answer.status == 200 ? nil : "sono status\(paths.options) says why")
        } catch {
            let absence = Absence(paths: paths)
            switch absence.kind {
            case .down, .staleSocket:
                if let closed = closedLock {
                    addNotToBeSeen("service", closed)
                } else {
                    report.add("service", .note, "the service does not run", remedy: paths.startCommand)
                }
            case .notAdmitted:
                isRunning = true
                addNotToBeSeen("service", paths.statusSocket)
            case .starting, .hung, .busy:
                isRunning = true
                report.add(
                    "service", .problem, absence.message,
                    remedy: "wait if it has just started; else look at its log and restart it")
            }
        }
    }

    /// A lock that this user may not look at, where none says that it is free: a service holds them all.
    private var closedLock: String? {
        let locks = [paths.spoolLock, paths.stateLock]
        guard !locks.contains(where: { access($0, R_OK) == 0 }) else { return nil }
        return locks.first { access($0, R_OK) != 0 && errno == EACCES }
    }

    mutating func examineConfiguration() {
        let takeOver = isRunning ? reload : "then \(paths.startCommand)"
        let remedy = "mend it; sono serve --check\(paths.options); \(takeOver)"
        do {
            let checks = try Service.check(paths: paths)
            if checks.isEmpty {
                report.add(
                    "configuration", .problem, "\(paths.configuration) has no pipeline",
                    remedy: "write NAME.yaml with `model: FILE` there")
            }
            for check in checks {
                if let failure = check.failure {
                    configurationFaults.append(failure.message)
                    report.add(
                        "configuration", .problem, "pipeline \(check.pipeline): \(failure.message)", remedy: remedy)
                } else {
                    report.add("configuration", .ok, "pipeline \(check.pipeline): \(check.summary)")
                }
                for warning in check.warnings { report.add("configuration", .note, "\(check.pipeline): \(warning)") }
            }
        } catch {
            report.add("configuration", .problem, words(error), remedy: remedy)
        }
    }

    private var reload: String {
        if paths.options.isEmpty { return "systemctl reload sono" }
        let holder = SpoolLock.holder(spool: paths.spool, state: paths.state) ?? 0
        return holder > 0 ? "kill -HUP \(holder)" : "send it SIGHUP"
    }

    /// What a running service says is stuck, but for what its configuration has been found to have.
    mutating func examineTroubles() {
        let client = UnixHTTPClient(path: paths.statusSocket)
        guard isRunning, let status = try? client.send("GET", "/v1/status").decoded(StatusReport.self) else { return }
        for trouble in status.troubles ?? [] {
            if configurationFaults.contains(where: { trouble.words.contains($0) }) { continue }
            report.add(
                "service", trouble.grave ? .problem : .note, trouble.words,
                remedy: trouble.commands.isEmpty
                    ? nil : trouble.commands.map { "\($0.text)  # \($0.purpose)" }.joined(separator: "; "))
        }
    }

    /// What another user's service has made, such as root's, this one may not open.
    mutating func examineOwners() {
        guard let user = ServiceUser(of: paths) else { return }
        let foreign = OwnFiles(paths: paths).foreign(to: user.id)
        guard !foreign.isEmpty else { return }
        let shown = foreign.prefix(20)
        let more = foreign.count - shown.count
        // What lies in a directory that others can write to may be a link by the time root types this.
        let places = [paths.state, paths.spool]
        let commands = [true, false].flatMap { isPlace in
            let files = shown.filter { places.contains($0.path) == isPlace }
            return Dictionary(grouping: files, by: \.group).sorted { $0.key < $1.key }.map { group, files in
                "chown \(isPlace ? "" : "-h ")\(user.name):\(AccountName.group(group)) "
                    + files.map { $0.path.shellQuoted }.joined(separator: " ")
            }
        }
        report.add(
            "owners", .problem,
            "\(foreign.count) of the service's files belong to others, and it runs as \(user.name): "
                + shown.map(\.path).joined(separator: ", ") + (more > 0 ? " and \(more) more" : ""),
            remedy: (commands + (more > 0 ? ["sono doctor\(paths.options) again, for the rest"] : []))
                .joined(separator: "; "))
    }
}
