import Accounting
import Failures
import Foundation
import Spooling

/// Brings a store that was restored from a backup, or recovered, and the spool together: the spool may know of batches that
/// the store does not.
///
/// Files of done/ that no job here knows are put into work/ to be computed as if they were new; their bytes decide whether
/// they are a duplicate, so no row is counted twice. Files of failed/ that no job knows are recorded as failed. A job that
/// the store takes for unsettled gets its file back. May be cut short anywhere and done again.
struct SpoolComparison {
    let store: Store
    let paths: ServicePaths

    /// - Returns: what could not be compared now; then the next start does it again.
    func run() throws -> [Failure] {
        var failures: [Failure] = []
        for pipeline in try SpoolLayout.pipelines(in: paths.spool) {
            do {
                let spool = try SpoolDirectory(SpoolLayout(root: paths.spool, pipeline: pipeline))
                for job in try store.unsettled(pipeline: pipeline) { try giveBack(job, spool) }
                for name in try spool.settledNames(in: .done) { try takeUp(name, pipeline, spool) }
                for name in try spool.settledNames(in: .failed) { try record(name, pipeline, spool) }
            } catch let failure as Failure {
                failures.append(failure)
            }
        }
        if failures.isEmpty { try store.markCompared() }
        return failures
    }

    /// The file of a job that has been settled since the backup was made.
    private func giveBack(_ job: QueuedJob, _ spool: SpoolDirectory) throws {
        guard let token = ClaimToken(job.token), let name = FileName(job.name), try spool.stamp(of: token) == nil else {
            return
        }
        for place in [SpoolDirectory.SettledPlace.done, .failed] {
            for candidate in spool.settledNames(of: token, jobID: job.id, name: name, in: place)
            where try spool.reclaim(candidate, from: place, token: token) { return }
        }
    }

    private func takeUp(_ file: FileName, _ pipeline: String, _ spool: SpoolDirectory) throws {
        guard let (job, name) = file.settledParts,
            try !store.isFiled(file.bytes, by: job, pipeline: pipeline, underFailed: false)
        else { return }
        let token = ClaimToken.random()
        try store.noteUnknown(
            ClaimNote(token: token.text, pipeline: pipeline, name: name.bytes), lostJob: job)
        _ = try spool.reclaim(file, from: .done, token: token)
    }

    private func record(_ file: FileName, _ pipeline: String, _ spool: SpoolDirectory) throws {
        guard let (job, name) = file.settledParts,
            try !store.isFiled(file.bytes, by: job, pipeline: pipeline, underFailed: true)
        else { return }
        let reason = spool.reason(beside: file)
        let failure = Failure(
            reason.flatMap { FailureCode(rawValue: $0.code) } ?? .internal,
            reason?.message ?? "Found in failed/ without a reason; `sono requeue` runs it again.")
        // A digest of another length would not be one; the column says so.
        let digest = reason?.sha256.flatMap { $0.utf8.count == 64 ? $0 : nil }
        try store.recordFailed(
            token: ClaimToken.random().text, pipeline: pipeline, name: name.bytes, filedAs: file.bytes,
            failure: failure, sha256: digest)
    }
}
