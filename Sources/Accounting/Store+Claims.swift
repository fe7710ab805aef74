import Failures
import Foundation
import GRDB

extension Store {
    /// Notes files that are about to be renamed to work/TOKEN. A token that is noted already keeps its first note.
    public func noteClaims(_ notes: [ClaimNote]) throws {
        if notes.isEmpty { return }
        try transaction { database, now in
            for note in notes {
                try Self.insert(note, in: database, at: now)
            }
        }
    }

    /// Drops a note whose file did not come to work/ after all, or has left it again.
    public func forgetClaim(_ token: String) throws {
        try transaction { database, _ in
            try database.execute(sql: "DELETE FROM claims WHERE token = ?", arguments: [token])
        }
    }

    /// The notes of files that are no jobs yet, oldest first.
    public func claims(pipeline: String? = nil) throws -> [ClaimNote] {
        try withConnection { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT token, pipeline, name, again, requeue_of FROM claims
                    WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY noted_at, token
                    """, arguments: [pipeline]
            ).map { row in
                ClaimNote(
                    token: row["token"], pipeline: row["pipeline"], name: [UInt8](row["name"] as Data),
                    again: row["again"], requeueOf: row["requeue_of"])
            }
        }
    }

    static func insert(_ note: ClaimNote, in database: Database, at now: Date) throws {
        let insert = try database.cachedStatement(
            sql: """
                INSERT INTO claims (token, pipeline, name, again, requeue_of, noted_at) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (token) DO NOTHING
                """)
        try insert.execute(
            arguments: [
                note.token, note.pipeline, Data(note.name), note.again, note.requeueOf, Timestamp.text(now),
            ])
    }
}
