import ArgumentParser
import Daemon
import Pipelines

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check store, spool, models, configuration, SQLite and disk, and say what to do.",
        discussion: """
            Reads the whole store and changes nothing; the exit code is 1 if something must be done. With --recover, for a \
            damaged store and a stopped service: a new store is built from what can be read of the damaged one, which is \
            put aside as it is; the next start computes what was lost from the inputs that are kept.

            EXAMPLES
              sono doctor
              sono doctor --recover
            """)

    @Flag(help: "Build a new store in place of a damaged one.")
    var recover = false

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func run() throws {
        if recover { return try runRecovery() }
        let paths = places.paths
        try ServiceUser.giveUpRoot(for: paths)
        let report = Doctor.examine(paths)
        if form.json {
            try Output.print(json: report)
        } else {
            for finding in report.findings {
                let mark = finding.verdict == .problem ? Terminal.alarm("problem") : finding.verdict.rawValue
                try Output.print("\(mark): \(finding.check): \(finding.message)")
                if let remedy = finding.remedy { try Output.print("    \(remedy)") }
            }
        }
        if !report.isHealthy { throw ExitCode(1) }
    }

    private func runRecovery() throws {
        let paths = places.paths
        // Not as root in a directory that another user can write to.
        try ServiceUser.giveUpRoot(for: paths)
        let report = try StoreRecovery(paths: paths).run()
        if form.json { return try Output.print(json: report) }
        try Output.print("\(report.store) is a new store, \(report.storeID); the damaged one is \(report.damaged)")
        var table = TextTable([("table", .left), ("rows", .right), ("not readable", .right)])
        for found in report.salvage.tables {
            let lost = Figures.grouped(found.unreadable)
            table.add([found.name, Figures.grouped(found.rows), found.isGivenUp ? "\(lost) and maybe more" : lost])
        }
        try Output.print(table.text)
        let salvage = report.salvage
        if salvage.rowsWithoutJob > 0 {
            try Output.print(
                "\(Figures.grouped(salvage.rowsWithoutJob)) rows are left out: their job is not known any more")
        }
        if !salvage.jobsToRecompute.isEmpty {
            try Output.print(
                "computed again from their inputs at the next start: \(Self.list(salvage.jobsToRecompute))")
        }
        if !salvage.jobsWithoutRows.isEmpty {
            try Output.print("have lost their rows, and their input is not kept: \(Self.list(salvage.jobsWithoutRows))")
        }
        Messages.say("sono: start the service: it compares the new store with the spool.")
    }

    private static func list(_ jobs: [Int64]) -> String {
        let some = jobs.prefix(20).map(String.init).joined(separator: ", ")
        return jobs.count > 20 ? "jobs \(some) and \(jobs.count - 20) more" : "jobs \(some)"
    }
}
