import Accounting
import ArgumentParser
import Daemon
import Failures
import Spooling

struct Submit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hand files to the service, safely.",
        discussion: """
            Each file is copied to the spool under a temporary name, synced, and renamed into incoming/; the original is left \
            alone. Any other program may do the same with a rename of its own.

            EXAMPLE
              sono submit monday.safetensors.zst --pipeline shop --wait
            """)

    @Option(help: "Which pipeline. (default: the only one)")
    var pipeline: String?

    @Flag(help: "Wait until every job is settled; the exit code is the first failure's.")
    var wait = false

    @Flag(help: "Compute the same bytes again even if they are done already.")
    var again = false

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    @Argument(help: "Embedding sets or .npy files, bare or zstd.")
    var files: [String]

    func run() throws {
        let paths = places.paths
        let layout = SpoolLayout(root: paths.spool, pipeline: try pipeline ?? onlyPipeline(in: paths.spool))
        var jobs: [JobRecord] = []
        for file in files {
            let waiter = try wait ? JobWaiter(client: StatusClient(paths: paths), pipeline: layout.pipeline) : nil
            let submission = try Submission.submit(path: file, to: layout, again: again)
            Messages.say(
                "\(file) is in \(layout.incoming) as \(submission.name), sha256 \(submission.sha256.prefix(12))")
            if let waiter { jobs.append(try waiter.settled(submission)) }
        }
        if form.json {
            try Output.print(json: Document("sono-jobs/1", ["jobs": jobs]))
        } else if wait {
            try Output.print(JobTable(jobs: jobs).text)
        } else {
            Messages.say("watch them: sono jobs\(places.suffix)")
        }
        if let failed = jobs.first(where: { $0.state.filesUnderFailed }) { throw failed.failure }
    }

    private func onlyPipeline(in spool: String) throws -> String {
        let pipelines = try SpoolLayout.pipelines(in: spool)
        guard let only = pipelines.first, pipelines.count == 1 else {
            throw Failure(
                .invalidArgument,
                pipelines.isEmpty
                    ? "there is no pipeline in \(spool): start the service once, or name one with --pipeline."
                    : "name the pipeline with --pipeline: there are \(pipelines.joined(separator: ", ")).")
        }
        return only
    }
}

extension JobRecord {
    /// Why a job that is settled has no rows.
    var failure: Failure {
        let code = errorCode.flatMap(FailureCode.init(rawValue:)) ?? (state == .cancelled ? .cancelled : .internal)
        return Failure(code, "job \(jobID) is \(state.rawValue): \(errorMessage ?? "see `sono job \(jobID)`.")")
    }
}
