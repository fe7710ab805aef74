import Accounting
import ArgumentParser
import Daemon
import Pipelines

struct GC: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Take away at once what has had its time, as `retention` in pipeline.d says.",
        discussion: """
            The service does the same by itself, at its start and every hour. Which bytes were done stays known: dropped \
            again they are a duplicate, whatever was taken away.

            EXAMPLE
              sono gc --dry-run
            """)

    @Flag(help: "Only say what would go; files count with the size they came with.")
    var dryRun = false

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func run() throws {
        let report = try ControlClient(paths: places.paths).collect(dryRun: dryRun)
        if form.json { return try Output.print(json: report) }
        var table = TextTable(
            [("pipeline", .left)] + ["inputs", "failed", "features", "size", "rows", "jobs"].map { ($0, .right) })
        for pipeline in report.pipelines {
            let removed = pipeline.removed
            table.add(
                [
                    pipeline.name, Figures.grouped(removed.inputs), Figures.grouped(removed.failed),
                    Figures.grouped(removed.features), Figures.bytes(removed.fileBytes),
                    Figures.grouped(removed.results), Figures.grouped(removed.jobs),
                ])
        }
        try Output.print(table.text)
        Messages.say(report.dryRun ? "sono: nothing was removed; this would go." : "sono: this was removed.")
        for pipeline in report.pipelines {
            Messages.warn(pipeline.troubles.map { "\(pipeline.name): \($0)" })
        }
    }
}
