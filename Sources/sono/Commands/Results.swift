import Accounting
import ArgumentParser
import Daemon

struct Results: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print result rows, as a feed that can be taken up again.",
        discussion: """
            Rows come in the order in which they became visible. Keep the last seq you saw and go on after it: nothing is \
            missed and nothing comes twice. Columns are separated by tabs; --json prints one document whose `next` is where \
            to go on.

            EXAMPLES
              sono results --after 0 --limit 10
              sono results --after 3607 --job 5 --json
            """)

    @Option(help: "Only rows with a greater seq.")
    var after: Int64 = 0

    @Option(help: "At most this many rows. (default: all)")
    var limit: Int?

    @Option(help: "Only rows of this job.")
    var job: JobID?

    @Option(help: "Only rows of this pipeline.")
    var pipeline: String?

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        if after < 0 { throw ValidationError("--after must be 0 or more.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    func run() throws {
        let feed = ResultFeed(
            client: StatusClient(paths: places.paths), after: after, limit: limit, job: job, pipeline: pipeline)
        try form.json ? feed.printJSON() : feed.printTable()
    }
}
