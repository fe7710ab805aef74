import Accounting
import ArgumentParser
import Foundation
import Pipelines

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Recompute a finished job from its kept input and compare bit for bit.",
        discussion: """
            Needs the input in done/ and the kept copy of the model; the service may be up or down. The job's own model, \
            solver, steps, form and, where this processor has it, kernel are used. The exit code is 1 if anything differs.

            EXAMPLE
              sono verify 17
            """)

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    @Argument(help: "The job's number.")
    var id: JobID

    func run() throws {
        let paths = places.paths
        try ServiceUser.giveUpRoot(for: paths)
        let reader = try StoreReader.open(path: paths.store)
        defer { try? reader.close() }
        // Before any kernel is used: the job's own, so that a job of another machine can be verified bit for bit too.
        if let kernel = try reader.job(id).kernel { setenv("SONO_KERNEL", kernel, 0) }
        let report = try Verification(reader: reader, paths: paths).verify(id)
        if form.json {
            try Output.print(json: report)
        } else {
            for note in report.notes { Messages.say("sono: \(note)") }
            try Output.print(
                report.isIdentical
                    ? "job \(id): all \(Figures.grouped(report.rows)) rows are the same, bit for bit"
                    : "job \(id): \(Figures.grouped(report.rowsDiffering)) of \(Figures.grouped(report.rows)) rows differ"
            )
            for difference in report.differences.prefix(10) {
                try Output.print(
                    "row \(difference.row) \(difference.column): stored \(difference.stored), now \(difference.computed)"
                )
            }
        }
        if !report.isIdentical { throw ExitCode(1) }
    }
}
