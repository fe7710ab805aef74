import Failures
import Foundation
import GRDB

/// What a store that was restored or recovered learns from the spool.
extension Store {
    /// Whether the store was restored or recovered, and must be compared with the spool before anything else.
    public func isToBeCompared() throws -> Bool {
        try withConnection { database in
            try Bool.fetchOne(database, sql: "SELECT origin IS NOT NULL FROM store") ?? false
        }
    }

    /// The store and the spool know of the same batches again.
    public func markCompared() throws {
        try transaction { database, _ in try database.execute(sql: "UPDATE store SET origin = NULL") }
    }

    /// Whether a job of this store says that its file is in done/, or failed/, under this name.
    public func isFiled(_ name: [UInt8], by job: JobID, pipeline: String, underFailed: Bool) throws -> Bool {
        try withConnection { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT state FROM jobs WHERE job_id = ? AND pipeline = ? AND filed_as = ?",
                arguments: [job, pipeline, Data(name)])
            return row.map { (JobState(rawValue: $0["state"])?.filesUnderFailed ?? false) == underFailed } ?? false
        }
    }

    /// Notes a file of done/ that no job here knows, to be computed as if it were new; forgets what a lost job had to say
    /// about its bytes.
    public func noteUnknown(_ note: ClaimNote, lostJob: JobID) throws {
        try transaction { database, now in
            try database.execute(
                sql: """
                    DELETE FROM identities WHERE job_id = ?1 AND job_deleted = 0
                        AND NOT EXISTS (SELECT 1 FROM jobs WHERE job_id = ?1)
                    """, arguments: [lostJob])
            try Self.insert(note, in: database, at: now)
        }
    }

    /// Records a file of failed/ that no job here knows as a job that failed, its file in place.
    public func recordFailed(
        token: String, pipeline: String, name: [UInt8], filedAs: [UInt8], failure: Failure, sha256: String?
    ) throws {
        try transaction { database, now in
            var birth = Birth(
                token: token, pipeline: pipeline, name: name, sha256: sha256, fileBytes: nil,
                submittedAt: Timestamp.text(now))
            birth.state = .failed
            birth.failure = failure
            let job = try birth.insert(in: database, at: now)
            try database.execute(
                sql: "UPDATE jobs SET filed_as = ? WHERE job_id = ?", arguments: [Data(filedAs), job])
        }
    }
}
