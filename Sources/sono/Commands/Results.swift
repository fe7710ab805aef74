import Accounting
import ArgumentParser
import Daemon

struct Results: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print result rows, as a feed that can be taken up again.",
        discussion: """
            Rows come in the order in which they became visible. Keep the last seq you saw and go on after it: nothing is \
            missed and nothing comes twice. The table has tabs between its columns; csv and ndjson have all columns; json \
            is one document whose `next` is where to go on.

            --follow waits for more rows, also while the service is down or started anew. It ends with exit code 65 when \
            the store is another one, as after a restore: seq numbers mean other rows then. With --store, which takes the \
            store_id that belongs to your --after, so does every other call.

            EXAMPLES
              sono results --after 0 --limit 10
              sono results --after 3607 --follow --format ndjson
              sono results --job 5 --format csv > job5.csv
            """)

    @Option(help: "Only rows with a greater seq.")
    var after: Int64 = 0

    @Option(help: "At most this many rows. (default: all)")
    var limit: Int?

    @Option(help: "Only rows of this job.")
    var job: JobID?

    @Option(help: "Only rows of this pipeline.")
    var pipeline: String?

    @Flag(help: "Wait for more at the end, until Ctrl-C.")
    var follow = false

    @Option(help: ArgumentHelp("The store_id that --after belongs to; another one ends with 65.", valueName: "id"))
    var store: String?

    @Option(help: "table, csv, json or ndjson. (default: table)")
    var format: ResultFormat?

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        if after < 0 { throw ValidationError("--after must be 0 or more.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if form.json, let format, format != .json {
            throw ValidationError("--json and --format \(format.rawValue) contradict each other.")
        }
        if follow, resultFormat == .json, limit == nil {
            throw ValidationError("a feed that is followed has no end, a JSON document does: use --format ndjson.")
        }
    }

    private var resultFormat: ResultFormat { format ?? (form.json ? .json : .table) }

    func run() throws {
        try ResultFeed(
            client: StatusClient(paths: places.paths), after: after, limit: limit, job: job, pipeline: pipeline,
            format: resultFormat, follows: follow, store: store
        ).print()
    }
}
