import Failures
import Foundation
import GRDB
import Glibc

/// What a backup holds.
public struct StoreBackup: Codable, Equatable, Sendable {
    public var schema = "sono-backup/1"
    public var path: String
    public var bytes: Int
    /// The store that it is a copy of.
    public var storeID: String
    public var jobs: Int
    /// The newest row and the newest change in it.
    public var lastResult: Int64
    public var lastChange: Int64

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case schema
        case path
        case bytes
        case storeID = "store_id"
        case jobs
        case lastResult = "last_result"
        case lastChange = "last_change"
    }

    /// Copies a store as it is at one moment into one new file, whole, checked and durable; the daemon goes on meanwhile.
    ///
    /// Reads through a connection that cannot write. The copy is an image of the file, free pages included; while it is
    /// made the WAL cannot be emptied, and grows.
    ///
    /// - Throws: `invalid_argument` if something stands at `target`; `store_damaged` if the copy, and so the store, is
    ///   not sound; `no_space`.
    public static func write(store path: String, to target: String) throws -> StoreBackup {
        var status = stat()
        guard lstat(target, &status) != 0 else {
            throw Failure(.invalidArgument, "\(target) is there already: name a new file; a backup replaces nothing.")
        }
        let reader = try StoreReader.open(path: path)
        defer { try? reader.close() }
        let temporary = "\(target).\(UUID().uuidString.prefix(8).lowercased()).tmp"
        let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw Failure.system("create \(temporary)") }
        defer {
            close(descriptor)
            for suffix in ["", "-journal", "-wal", "-shm"] { unlink(temporary + suffix) }
        }
        var backup: StoreBackup
        do {
            backup = try copy(reader, to: temporary)
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: temporary)
        }
        guard fsync(descriptor) == 0 else { throw Failure.system("fsync \(temporary)") }
        // Unlike rename(2), link(2) never replaces.
        guard link(temporary, target) == 0 else { throw Failure.system("link \(temporary) to \(target)") }
        try syncDirectory(of: target)
        backup.path = target
        backup.bytes = stat(target, &status) == 0 ? Int(status.st_size) : 0
        return backup
    }

    private static func copy(_ reader: StoreReader, to path: String) throws -> StoreBackup {
        let copy = try DatabaseQueue(path: path)
        defer { try? copy.close() }
        try reader.connection.backup(to: copy)
        return try copy.writeWithoutTransaction { database in
            // One file, whole without a -wal.
            _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = DELETE")
            let verdict = try String.fetchAll(database, sql: "PRAGMA integrity_check(1)")
            guard verdict == ["ok"] else {
                throw Failure.damaged(reader.path, cause: verdict.joined(separator: "; "))
            }
            try database.execute(
                sql: "UPDATE store SET origin = ?", arguments: [StoreOrigin.backup.rawValue])
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT store_id, (SELECT count(*) FROM jobs) AS jobs,
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'results'), 0) AS last_result,
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS last_change
                    FROM store
                    """)
            guard let row else { throw Failure.damaged(reader.path, cause: "the store's own row is missing") }
            return StoreBackup(
                path: path, bytes: 0, storeID: row["store_id"], jobs: row["jobs"], lastResult: row["last_result"],
                lastChange: row["last_change"])
        }
    }

    private static func syncDirectory(of path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        let directory = open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure.system("open the directory of \(path)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failure.system("fsync the directory of \(path)") }
    }
}
