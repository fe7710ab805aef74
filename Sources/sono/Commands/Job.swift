import Accounting
import ArgumentParser
import Daemon

struct Job: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one job with its whole history.",
        discussion: """
            EXAMPLE
              sono job 17
            """)

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    @Argument(help: "The job's number.")
    var id: JobID

    func run() throws {
        let (history, source) = try StatusClient(paths: places.paths).job(id)
        tellSource(source)
        if form.json {
            try Output.print(json: history)
        } else {
            try Output.print(JobText(job: history.job, changes: history.changes).text)
        }
    }
}
