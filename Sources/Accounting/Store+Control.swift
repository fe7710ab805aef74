import Failures
import Foundation
import GRDB

/// A settled job's file that is about to be taken back into work/.
public struct Requeue: Equatable, Sendable {
    public var note: ClaimNote
    /// The file's name in done/ or failed/.
    public var filedAs: [UInt8]
    /// Whether it lies in failed/ rather than done/.
    public var underFailed: Bool
}

extension Store {
    /// Queued or retrying becomes held.
    public func hold(_ job: JobID) throws {
        try transaction { database, now in
            try Transition(database: database, now: now).take(job, to: .held)
        }
    }

    /// Held becomes queued.
    public func release(_ job: JobID) throws {
        try transaction { database, now in
            try Transition(database: database, now: now).take(job, to: .queued, from: [.held])
        }
    }

    /// Queued, retrying or held becomes cancelled; the file then belongs in failed/.
    public func cancel(_ job: JobID) throws {
        try transaction { database, now in
            try Transition(database: database, now: now).take(job, to: .cancelled)
        }
    }

    /// Notes that a settled job's file is about to be renamed from done/ or failed/ to work/TOKEN. Once there, it goes
    /// through the first pass like any other; `admit` then makes the new job, which supersedes the old one if that is
    /// done. If the file turns out to be gone, `forgetClaim(token)`.
    public func requeue(_ job: JobID, token: String) throws -> Requeue {
        try transaction { database, now in
            let state = try Transition(database: database, now: now).state(of: job)
            let row = try Row.fetchOne(
                database, sql: "SELECT pipeline, name, sha256, filed_as, duplicate_of FROM jobs WHERE job_id = ?",
                arguments: [job])
            guard let row, state == .done || state.filesUnderFailed else {
                var words = "Job \(job) is \(state.rawValue) and cannot be requeued: "
                if let original: JobID = row?["duplicate_of"] {
                    words += "requeue job \(original), whose bytes it has."
                } else {
                    words += "\(state.remedy)."
                }
                throw Failure(.wrongState, words)
            }
            guard let filedAs: Data = row["filed_as"] else {
                throw Failure(.wrongState, "Job \(job)'s file is still on its way out of work/: try again in a moment.")
            }
            let note = ClaimNote(
                token: token, pipeline: row["pipeline"], name: [UInt8](row["name"] as Data), again: state == .done,
                requeueOf: job)
            try Self.refuseStale(job, note: note, sha256: row["sha256"], in: database)
            try Self.insert(note, in: database, at: now)
            return Requeue(note: note, filedAs: [UInt8](filedAs), underFailed: state.filesUnderFailed)
        }
    }

    /// A job whose bytes have gone on to another job, or are on their way there, is not the one to requeue.
    private static func refuseStale(_ job: JobID, note: ClaimNote, sha256: String?, in database: Database) throws {
        if try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM claims WHERE requeue_of = ?)", arguments: [job]) ?? false
        {
            throw Failure(.wrongState, "Job \(job) is being requeued already: look at `sono jobs`.")
        }
        guard let sha256,
            let holder = try Identity.holder(pipeline: note.pipeline, sha256: sha256, in: database),
            holder.job != job
        else { return }
        throw Failure(
            .wrongState,
            "Job \(job)'s bytes have become job \(holder.job), which is \(holder.state.rawValue): use that one.")
    }
}
