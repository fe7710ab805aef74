import Failures
import Foundation
import GRDB

/// Bringing a file to the newest schema, after making sure that it is ours and sound.
enum Migration {
    /// Inspects a file that exists over a connection that cannot write: one that can would, in closing, copy the WAL
    /// into a file that is to be left as it is.
    ///
    /// - Parameter patience: for what takes the longer the more jobs there are.
    /// - Returns: whether all was looked at within that time.
    static func inspectFile(path: String, newest: Int, patience: Duration) throws -> Bool {
        try refuseEmptied(path: path)
        try refuseForeignWAL(path: path)
        // A hot journal is a creation that was cut short before the WAL began; only a writer can roll it back.
        guard size(path) ?? 0 > 0, size(path + "-journal") == nil else { return true }
        let reader = try StoreConnection.reader(path: path)
        let end = ContinuousClock.now + patience
        let isWhole = try reader.read { database in
            guard try inspect(database, path: path, newest: newest) else { return true }
            return try isSound(database, path: path) { .now < end }
        }
        try reader.close()
        return isWhole
    }

    /// A database of no bytes beside a WAL that has some was emptied by accident: SQLite would throw the WAL away.
    static func refuseEmptied(path: String) throws {
        if (size(path) ?? 0) == 0, let wal = size(path + "-wal"), wal > 0 {
            throw Failure.damaged(path, cause: "the database is empty, its -wal holds \(wal) bytes")
        }
    }

    /// A backup is a whole store in one file, not in WAL mode. A -wal beside it is what is left of the store it was put in
    /// place of: SQLite would copy that into it.
    static func refuseForeignWAL(path: String) throws {
        // The file format's write version, at offset 18: 2 for WAL. A store of ours has no frames before it is 2.
        guard let wal = size(path + "-wal"), wal > 0, let head = DatabaseHead.read(path: path, count: 20), head[18] == 1
        else { return }
        throw Failure(
            .storeDamaged,
            "\(path) is a copy that was put in place beside the -wal of another store: move \(path)-wal and -shm away, "
                + "then start.")
    }

    private static func size(_ path: String) -> Int? {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// Reads without changing anything: whose file is it, and which version?
    ///
    /// - Returns: false if there is nothing in it yet.
    @discardableResult
    static func inspect(_ database: Database, path: String, newest: Int) throws -> Bool {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if application == 0, version == 0, tables == 0 { return false }
        guard application == Schema.applicationID else {
            throw Failure.damaged(path, cause: "application_id is \(application): another program's database")
        }
        guard version <= newest else {
            throw Failure(
                .storeNewer,
                "\(path) was written by a newer version (schema \(version), this one knows \(newest)): "
                    + "install that version, or point the service at another state directory.")
        }
        return true
    }

    /// Reads without changing anything: are the tables sound that decisions rest on?
    ///
    /// - Returns: false if the answer was no longer wanted before it was found.
    /// - Throws: `store_damaged`.
    static func isSound(_ database: Database, path: String, while isWanted: () -> Bool) throws -> Bool {
        guard try Int.fetchOne(database, sql: "SELECT count(*) FROM store") == 1 else {
            throw Failure.damaged(path, cause: "the store's own row is missing")
        }
        do {
            try database.whileWanted(isWanted) {
                for table in ["store", "claims", "identities", "jobs"] {
                    let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(\(table))")
                    guard verdict == "ok" else {
                        throw Failure.damaged(path, cause: "\(table): \(verdict ?? "no verdict")")
                    }
                }
            }
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
            return false
        }
    }

    /// Runs the migrations the file has not been through, each in a transaction of its own.
    static func run(_ migrations: [String], on database: Database, at time: String) throws {
        let done = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        for (index, migration) in migrations.enumerated().dropFirst(done) {
            let number = index + 1
            try database.inTransaction(.immediate) {
                try database.execute(sql: migration)
                if number == 1 {
                    try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
                    try database.execute(
                        sql: "INSERT INTO store (id, store_id, schema, created_at) VALUES (1, ?, 1, ?)",
                        arguments: [UUID().uuidString.lowercased(), time])
                }
                try database.execute(sql: "UPDATE store SET schema = \(number)")
                try database.execute(sql: "PRAGMA user_version = \(number)")
                return .commit
            }
        }
    }
}
