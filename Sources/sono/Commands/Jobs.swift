import Accounting
import ArgumentParser
import Daemon
import Failures

struct Jobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List batches: one job for every file that came.",
        discussion: """
            The newest jobs come last; without --after the last --limit of them are shown. A time is 2026-11-30, \
            2026-11-30T14:00 or so, in UTC, or how long ago: 90s, 15min, 2h, 7d.

            EXAMPLES
              sono jobs --state failed --pipeline shop
              sono jobs --since 2h --code corrupt_zstd
              sono jobs --file monday --json
            """)

    private static let states = JobState.allCases.map(\.rawValue).joined(separator: ", ")

    @Option(
        help: "Only this state, or several with commas: \(Self.states).",
        completion: .list(JobState.allCases.map(\.rawValue)))
    var state: String?

    @Option(help: "Only this pipeline.")
    var pipeline: String?

    @Option(help: "Only files whose SHA-256 begins with these digits.")
    var sha256: String?

    @Option(help: "Only jobs taken in at this time or later.")
    var since: TimePoint?

    @Option(help: "Only jobs taken in before this time.")
    var until: TimePoint?

    @Option(
        help: ArgumentHelp("Only jobs with this error.", valueName: "code"),
        completion: .list(FailureCode.allCases.map(\.rawValue)))
    var code: String?

    @Option(help: ArgumentHelp("Only files with this in their name, in upper or lower case.", valueName: "text"))
    var file: String?

    @Option(help: "Only jobs after this number, oldest first.")
    var after: JobID?

    @Option(help: "At most this many.")
    var limit = 100

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        _ = try states
        if !(1...10_000).contains(limit) { throw ValidationError("--limit must be 1 to 10000.") }
        if let sha256, sha256.isEmpty || sha256.contains(where: { !$0.isHexDigit }) {
            throw ValidationError("--sha256 takes hexadecimal digits.")
        }
        if let code, FailureCode(rawValue: code) == nil {
            let codes = FailureCode.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(code) is no error code: they are \(codes).")
        }
        if file?.isEmpty == true { throw ValidationError("--file takes a piece of a name.") }
    }

    func run() throws {
        var filter = JobFilter(
            states: try states, pipeline: pipeline, sha256: sha256, after: after, newestFirst: after == nil,
            limit: limit)
        (filter.since, filter.until) = (since?.text, until?.text)
        (filter.code, filter.fileName) = (code, file)
        let (found, source) = try StatusClient(paths: places.paths).jobs(filter)
        tellSource(source)
        let jobs = found.sorted { $0.jobID < $1.jobID }
        if form.json {
            try Output.print(json: Document("sono-jobs/1", ["jobs": jobs]))
        } else {
            try Output.print(JobTable(jobs: jobs).text)
        }
    }

    private var states: Set<JobState> {
        get throws {
            try Set(
                (state ?? "").split(separator: ",").map { word in
                    guard let state = JobState(rawValue: String(word)) else {
                        throw ValidationError("\(word) is no state of a job: they are \(Self.states).")
                    }
                    return state
                })
        }
    }
}
