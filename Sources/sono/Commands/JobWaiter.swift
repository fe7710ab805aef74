import Accounting
import Daemon
import Failures
import Foundation
import Pipelines
import Spooling

/// Waits for the jobs that submitted files become.
struct JobWaiter {
    private let client: StatusClient
    private let pipeline: String
    private let options: String
    /// The newest job before anything was submitted: what is waited for comes after it.
    private let before: JobID
    /// Jobs that were waited for: of two files with the same bytes, the second is another job.
    private var taken: Set<JobID> = []
    /// After which a person wonders, in a log too.
    private static let patience = Duration.seconds(3)

    /// To be made before the files are submitted.
    ///
    /// - Throws: `unavailable` if no service answers, for nobody would do the work, or if this user may not ask it.
    init(paths: ServicePaths, pipeline: String) throws {
        client = StatusClient(paths: paths)
        self.pipeline = pipeline
        options = paths.options
        let (newest, source) = try client.jobs(JobFilter(newestFirst: true, limit: 1))
        if case .store(let absence) = source {
            let remedy = absence.kind == .down || absence.kind == .staleSocket ? " Start it: \(paths.startCommand)" : ""
            throw Failure(.unavailable, absence.message + remedy)
        }
        before = newest.first?.jobID ?? 0
    }

    /// The job once it is settled; for the same bytes as a job under way, once that one is settled too.
    ///
    /// - Returns: with it the job that has the same bytes, for a duplicate.
    mutating func settled(_ submission: Submission) throws -> (job: JobRecord, original: JobRecord?) {
        let name = "\(submission.name)"
        do {
            let job = try poll(for: name) { try settledJob(of: submission, named: name) }
            taken.insert(job.jobID)
            let original = try job.duplicateOf.map { original in
                try poll(for: name) {
                    let found = try client.job(original).history.job
                    return found.state.isSettled ? found : nil
                }
            }
            return (job, original)
        } catch let failure as Failure where failure.code == .unavailable {
            throw Failure(failure.code, "\(name) is handed over; \(failure.message)", cause: failure.cause)
        }
    }

    private func settledJob(of submission: Submission, named name: String) throws -> JobRecord? {
        let same = try client.jobs(JobFilter(pipeline: pipeline, sha256: submission.sha256, after: before)).jobs
        if let job = same.first(where: { $0.fileName == name && !taken.contains($0.jobID) }), job.state.isSettled {
            return job
        }
        // A file that was refused before it could be hashed is known by its name only.
        let refused = JobFilter(states: [.failed], pipeline: pipeline, after: before, limit: 1_000)
        return try client.jobs(refused).jobs.first {
            $0.sha256 == nil && $0.fileName == name && !taken.contains($0.jobID)
        }
    }

    /// Asks ten times a second at first, once a second in the end. What takes long, or has somebody look on, is named.
    private func poll(for name: String, _ body: () throws -> JobRecord?) throws -> JobRecord {
        let began = ContinuousClock.now
        var pause = 0.1
        var isTold = false
        while true {
            if let job = try body() { return job }
            if !isTold, Terminal.errorIsTerminal || ContinuousClock.now - began > Self.patience {
                Messages.say("waits for \(name); meanwhile: sono status\(options)")
                isTold = true
            }
            Thread.sleep(forTimeInterval: pause)
            pause = min(1, pause * 1.2)
        }
    }
}
