import Accounting
import ArgumentParser
import Daemon
import Failures
import Pipelines
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
        let layout = SpoolLayout(root: paths.spool, pipeline: try pipeline ?? onlyPipeline(paths))
        // Before anything is handed over: who may not see jobs cannot wait for one.
        var waiter = try wait ? waiter(for: layout.pipeline, paths) : nil
        let submissions = try files.map { file in
            let submission = try Submission.submit(path: file, to: layout, again: again)
            Messages.say(
                "\(file) is in \(layout.incoming) as \(submission.name), sha256 \(submission.sha256.prefix(12))")
            return submission
        }
        if let names = ConfigurationDirectory.names(in: paths.configuration), !names.contains(layout.pipeline) {
            Messages.say(
                "sono: there is no \(paths.configuration)/\(layout.pipeline).yaml: what is handed over waits until "
                    + "there is one.")
        }
        let waited = try submissions.compactMap { submission in try waiter?.settled(submission) }
        let jobs = waited.map(\.job)
        if form.json {
            try Output.print(json: Document("sono-jobs/1", ["jobs": jobs]))
        } else if wait {
            try Output.print(JobTable(jobs: jobs).text)
        } else {
            Messages.say("watch them: sono jobs\(places.suffix)")
        }
        for case (let job, let original?) in waited where original.state == .done {
            Messages.say(
                "job \(job.jobID) has the bytes of job \(original.jobID), whose rows stand; --again has them computed again."
            )
        }
        let failed = waited.flatMap { [$0.job] + ($0.original.map { [$0] } ?? []) }.first { $0.state.filesUnderFailed }
        if let failed { throw failed.failure }
    }

    private func waiter(for pipeline: String, _ paths: ServicePaths) throws -> JobWaiter {
        do {
            return try JobWaiter(paths: paths, pipeline: pipeline)
        } catch let failure as Failure where failure.code == .unavailable {
            throw Failure(
                failure.code,
                "nothing was handed over, since it could not be waited for; without --wait it is. \(failure.message)",
                cause: failure.cause)
        }
    }

    /// Of those that are configured, where that may be seen: of others nothing would come.
    private func onlyPipeline(_ paths: ServicePaths) throws -> String {
        let all = try SpoolLayout.pipelines(in: paths.spool)
        let configured = ConfigurationDirectory.names(in: paths.configuration)
        let pipelines = all.filter { configured?.contains($0) ?? true }
        if let only = pipelines.first, pipelines.count == 1 { return only }
        if !pipelines.isEmpty {
            throw Failure(
                .invalidArgument, "name the pipeline with --pipeline: there are \(pipelines.joined(separator: ", ")).")
        }
        throw Failure(
            .invalidArgument,
            all.isEmpty
                ? "there is no pipeline in \(paths.spool): start the service once, or name one with --pipeline."
                : "none of the pipelines in \(paths.spool) is configured, and what is handed over would wait: write "
                    + "\(paths.configuration)/NAME.yaml, or name one with --pipeline: \(all.joined(separator: ", ")).")
    }
}

extension JobRecord {
    /// Why a job that is settled has no rows.
    var failure: Failure {
        let code = errorCode.flatMap(FailureCode.init(rawValue:)) ?? (state == .cancelled ? .cancelled : .internal)
        return Failure(code, "job \(jobID) is \(state.rawValue): \(errorMessage ?? "see `sono job \(jobID)`.")")
    }
}
