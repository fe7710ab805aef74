import Accounting
import ArgumentParser
import Daemon

struct Job: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one job with its whole history and where its time went.",
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
            let same = try sameBytes(as: history.job, source)
            try Output.print(
                JobText(history: history, sameBytes: same, suffix: places.suffix).text)
        }
    }

    private func sameBytes(as job: JobRecord, _ source: StatusClient.Source) throws -> [JobRecord] {
        guard let digest = job.sha256 else { return [] }
        let filter = JobFilter(pipeline: job.pipeline, sha256: digest, newestFirst: true, limit: 20)
        return try StatusClient(paths: places.paths).jobs(filter, from: source).sorted { $0.jobID < $1.jobID }
    }
}
