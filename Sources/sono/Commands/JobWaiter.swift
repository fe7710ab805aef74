import Accounting
import Daemon
import Failures
import Foundation
import Spooling

/// Waits for the job that a submitted file becomes.
struct JobWaiter {
    private let client: StatusClient
    private let pipeline: String
    /// The newest job before the file was submitted: what is waited for comes after it.
    private let before: JobID

    /// To be made before the file is submitted.
    ///
    /// - Throws: `unavailable` if no service answers: nobody would do the work.
    init(client: StatusClient, pipeline: String) throws {
        let (newest, source) = try client.jobs(JobFilter(newestFirst: true, limit: 1))
        guard source == .service else {
            throw Failure(
                .unavailable, "no service answers, so there is nothing to wait for: start it, or leave out --wait.")
        }
        self.client = client
        self.pipeline = pipeline
        before = newest.first?.jobID ?? 0
    }

    /// The job once it is settled; for the same bytes as a job under way, once that one is settled too.
    func settled(_ submission: Submission) throws -> JobRecord {
        let name = "\(submission.name)"
        let job = try poll {
            let same = JobFilter(pipeline: pipeline, sha256: submission.sha256, after: before)
            if let job = try client.jobs(same).jobs.first(where: \.state.isSettled) { return job }
            // A file that was refused before it could be hashed is known by its name only.
            let refused = JobFilter(states: [.failed], pipeline: pipeline, after: before, limit: 1_000)
            return try client.jobs(refused).jobs.first { $0.sha256 == nil && $0.fileName == name }
        }
        if let original = job.duplicateOf {
            _ = try poll {
                let found = try client.job(original).history.job
                return found.state.isSettled ? found : nil
            }
        }
        return job
    }

    /// Asks ten times a second at first, once a second in the end.
    private func poll(_ body: () throws -> JobRecord?) throws -> JobRecord {
        var pause = 0.1
        while true {
            if let job = try body() { return job }
            Thread.sleep(forTimeInterval: pause)
            pause = min(1, pause * 1.2)
        }
    }
}
