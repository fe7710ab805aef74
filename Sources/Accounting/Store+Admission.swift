import Failures
import Foundation
import GRDB

extension Store {
    /// Makes a valid file a job, or a duplicate of the job that has its bytes, and drops its claim note.
    ///
    /// The same bytes while their job is queued, running, retrying, held or done are a duplicate; bytes of a failed or
    /// cancelled job are a new attempt; with `again` or `requeueOf` in the claim note, bytes that are done are a new job
    /// that supersedes the old. A token that was admitted before gets the same answer again.
    public func admit(_ admission: Admission) throws -> Admitted {
        try transaction { database, now in
            if let known = try Self.admitted(admission.token, in: database) { return known }
            let claim = try Self.takeClaim(admission.token, in: database)
            let again = claim?.again ?? false || claim?.requeueOf != nil
            let holder = try Identity.holder(pipeline: admission.pipeline, sha256: admission.sha256, in: database)

            var birth = Birth(
                token: admission.token, pipeline: admission.pipeline, name: admission.name,
                sha256: admission.sha256, rows: admission.rows, fileBytes: admission.fileBytes,
                submittedAt: claim?.notedAt ?? Timestamp.text(now))
            birth.requeueOf = claim?.requeueOf
            switch holder {
            case .some(let holder) where holder.state == .done && again:
                birth.supersedes = holder.job
            case .some(let holder) where holder.state.absorbsSameBytes:
                birth.state = .duplicate
                birth.duplicateOf = holder.job
            default:
                break
            }
            let job = try birth.insert(in: database, at: now)
            if birth.state == .queued {
                try Identity.give(pipeline: admission.pipeline, sha256: admission.sha256, to: job, in: database)
            }
            return Admitted(
                jobID: job, state: birth.state, duplicateOf: birth.duplicateOf, supersedes: birth.supersedes)
        }
    }

    /// Records a file that cannot be used as a job born failed, and drops its claim note. Bytes known under a job that
    /// stands keep it; otherwise they are this job's, so that dropping them again is a new attempt.
    @discardableResult
    public func refuse(
        token: String, pipeline: String, name: [UInt8], sha256: String? = nil, fileBytes: Int? = nil,
        failure: Failure
    ) throws -> JobID {
        try transaction { database, now in
            if let known = try Self.admitted(token, in: database) { return known.jobID }
            let claim = try Self.takeClaim(token, in: database)
            var birth = Birth(
                token: token, pipeline: pipeline, name: name, sha256: sha256, fileBytes: fileBytes,
                submittedAt: claim?.notedAt ?? Timestamp.text(now))
            birth.requeueOf = claim?.requeueOf
            birth.state = .failed
            birth.failure = failure
            let job = try birth.insert(in: database, at: now)
            if let sha256 {
                let holder = try Identity.holder(pipeline: pipeline, sha256: sha256, in: database)
                if !(holder?.state.absorbsSameBytes ?? false) {
                    try Identity.give(pipeline: pipeline, sha256: sha256, to: job, in: database)
                }
            }
            return job
        }
    }

    /// Gives a job that waits the bytes its file has now, after the second pass found others than the first.
    ///
    /// If another job stands for the new bytes, this one is cancelled, with a message that says so. Otherwise it
    /// supersedes none: what it was to supersede has other bytes.
    public func reidentify(_ job: JobID, sha256: String, rows: Int, fileBytes: Int) throws -> Admitted {
        try transaction { database, now in
            let transition = Transition(database: database, now: now)
            let state = try transition.state(of: job)
            guard state == .queued || state == .retrying || state == .held else {
                throw Failure(.wrongState, "Job \(job) is \(state.rawValue), its bytes are settled: \(state.remedy).")
            }
            let known = try Row.fetchOne(
                database, sql: "SELECT pipeline, sha256, supersedes FROM jobs WHERE job_id = ?", arguments: [job])
            let pipeline: String = known?["pipeline"] ?? ""
            let before: String? = known?["sha256"]
            if before == sha256 {
                return Admitted(jobID: job, state: state, duplicateOf: nil, supersedes: known?["supersedes"])
            }
            try Identity.giveBack(job: job, in: database)
            try Identity.drop(job: job, in: database)
            let holder = try Identity.holder(pipeline: pipeline, sha256: sha256, in: database)
            if let holder, holder.state.absorbsSameBytes {
                if state == .held || state.canBecome(.cancelled) {
                    try transition.take(
                        job, to: .cancelled, setting: "error_message = ?",
                        ["The file was overwritten while it waited, with the bytes of job \(holder.job)."])
                }
                return Admitted(jobID: job, state: .cancelled, duplicateOf: holder.job, supersedes: nil)
            }
            try database.execute(
                sql: "UPDATE jobs SET sha256 = ?, rows = ?, file_bytes = ?, supersedes = NULL WHERE job_id = ?",
                arguments: [sha256, rows, fileBytes, job])
            try Identity.give(pipeline: pipeline, sha256: sha256, to: job, in: database)
            return Admitted(jobID: job, state: state, duplicateOf: nil, supersedes: nil)
        }
    }

    private static func admitted(_ token: String, in database: Database) throws -> Admitted? {
        try Row.fetchOne(
            database, sql: "SELECT job_id, state, duplicate_of, supersedes FROM jobs WHERE token = ?",
            arguments: [token]
        ).map { row in
            Admitted(
                jobID: row["job_id"], state: JobState(rawValue: row["state"]) ?? .failed,
                duplicateOf: row["duplicate_of"], supersedes: row["supersedes"])
        }
    }

    private static func takeClaim(
        _ token: String, in database: Database
    ) throws -> (again: Bool, requeueOf: JobID?, notedAt: String)? {
        let row = try Row.fetchOne(
            database, sql: "SELECT again, requeue_of, noted_at FROM claims WHERE token = ?", arguments: [token])
        guard let row else { return nil }
        try database.execute(sql: "DELETE FROM claims WHERE token = ?", arguments: [token])
        return (row["again"], row["requeue_of"], row["noted_at"])
    }
}
