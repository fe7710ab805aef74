import Failures
import Foundation
import GRDB
import GRDBSQLite

/// The one connection that writes, and the pragmas that make its commits durable.
enum StoreConnection {
    /// How long another program's lock is waited for.
    static let busyMilliseconds: Int32 = 5_000

    /// Opens the file for writing, creating it if there is none.
    ///
    /// GRDB's own WAL set-up is not used: it lowers `synchronous` to NORMAL after `prepareDatabase`, and under NORMAL a
    /// commit can be lost at power loss, after the batch's file has moved to done/.
    static func writer(path: String) throws -> DatabaseQueue {
        try createIfMissing(path: path)
        var configuration = Configuration()
        configuration.busyMode = .timeout(Double(busyMilliseconds) / 1_000)
        configuration.label = "sono.store"
        configuration.prepareDatabase { database in
            // Before anything is read: a schema that was tampered with must not run functions with side effects.
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            try keepWAL(database)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    static func reader(path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(Double(busyMilliseconds) / 1_000)
        configuration.label = "sono.store.reader"
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Settings of a connection that has made sure of what it opened.
    static func makeDurable(_ database: Database, path: String) throws {
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw Failure(
                .ioError, "\(path) does not take write-ahead logging: put it on a local disk.",
                cause: "journal_mode is \(mode ?? "unknown")")
        }
        try database.execute(
            sql: """
                PRAGMA synchronous = FULL;
                PRAGMA foreign_keys = ON;
                PRAGMA wal_autocheckpoint = 1000;
                PRAGMA journal_size_limit = 67108864;
                PRAGMA cache_size = -8192;
                PRAGMA temp_store = MEMORY;
                """)
        let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard level == 2 else {
            throw Failure(.internal, "SQLite does not commit durably: please report this.", cause: "\(level ?? -1)")
        }
    }

    /// Leaves -wal and -shm in place when the last connection closes: those who may only read could not make them anew.
    private static func keepWAL(_ database: Database) throws {
        var persist: Int32 = 1
        let code = sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_PERSIST_WAL, &persist)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    /// Creates the file readable by the group; SQLite gives -wal and -shm the mode of their database.
    private static func createIfMissing(path: String) throws {
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o640)
        if descriptor < 0 {
            guard errno == EEXIST else { throw Failure.system("create \(path)") }
            return
        }
        defer { close(descriptor) }
        // The umask may have taken the group's bit.
        guard fchmod(descriptor, 0o640) == 0, fsync(descriptor) == 0 else { throw Failure.system("create \(path)") }
        let directory = open((path as NSString).deletingLastPathComponent.nonEmpty ?? ".", O_RDONLY | O_DIRECTORY)
        guard directory >= 0 else { throw Failure.system("open the directory of \(path)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failure.system("fsync the directory of \(path)") }
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
