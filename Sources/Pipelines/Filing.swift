import Accounting
import Failures
import Foundation
import Spooling
import Synchronization

/// Step 7 of a batch's life: a settled job's file leaves work/. Needs no model, so that it can be done for pipelines
/// that are misconfigured or gone.
struct Filing {
    let spool: SpoolDirectory
    let store: Store
    /// Whether a file that is not there may be in directories that were taken away a while ago.
    let mayComeBack: Bool
    /// One job at a time: who looks for settled jobs may find the very one that another thread is at, and must not note as
    /// filed what that one has renamed and not yet made durable.
    private static let turn = Mutex(())

    func file(_ job: QueuedJob, commitSeconds: Double? = nil) throws {
        try Self.turn.withLock { _ in try fileAlone(job, commitSeconds) }
    }

    private func fileAlone(_ job: QueuedJob, _ commitSeconds: Double?) throws {
        guard let token = ClaimToken(job.token), let name = FileName(job.name) else {
            throw Failure(.internal, "job \(job.id) has an impossible token or name: report this.")
        }
        do {
            let filed =
                job.state.filesUnderFailed
                ? try spool.quarantine(token, jobID: job.id, name: name, reason: reason(for: job, name))
                : try spool.settle(token, jobID: job.id, name: name)
            try store.markFiled(job.id, as: filed.bytes, commitSeconds: commitSeconds)
        } catch let failure as Failure where failure.code == .notFound && !mayComeBack {
            // Taken away by hand. The job stands; asking again would not bring the file back.
            try store.markFiled(job.id, as: name.settled(jobID: job.id).bytes, commitSeconds: commitSeconds)
        }
    }

    private func reason(for job: QueuedJob, _ name: FileName) -> Reason {
        let code = job.errorCode.flatMap(FailureCode.init(rawValue:)) ?? .cancelled
        let words = job.errorMessage ?? "Cancelled by a person; `sono requeue \(job.id)` runs it again."
        return Reason(
            jobID: job.id, pipeline: job.pipeline, fileName: name, failure: Failure(code, words), sha256: job.sha256,
            attempts: job.attempts, at: Date().ISO8601Format(.init(includingFractionalSeconds: true)))
    }
}
