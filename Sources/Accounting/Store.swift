import Failures
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// The accounts of the service, in one SQLite file: which file became which job, what became of it, and its rows.
///
/// One connection writes, and it also runs the checkpoints. Every call is one transaction, durable when it returns
/// (`synchronous=FULL`), and blocks its caller until then; calls from several threads take turns. Each step of a job's
/// life is an UPDATE guarded by the state it starts from, with a row in the change feed beside it.
public final class Store: Sendable {
    public let path: String
    private let connection: DatabaseQueue
    private let now: @Sendable () -> Date
    /// Set once SQLite has found damage: what is left is evidence, and is not written to again.
    private let damage = Mutex<Failure?>(nil)
    /// Whether the store is so large that opening it has not looked at all of it: `checkSoundness` is to.
    public let isCheckDue: Bool

    /// Opens the store, creating or migrating it where needed.
    ///
    /// Throws `store_newer` for a file made by a newer version and `store_damaged` for one that is not a sound store;
    /// both are left as they are. The tables that decisions rest on are looked at for a second: enough for some hundred
    /// thousand jobs, and a service of millions is not to wait for it.
    public static func open(path: String) throws -> Store {
        try open(path: path, migrations: Schema.migrations, now: { Date() })
    }

    package static func open(
        path: String, migrations: [String], patience: Duration = .seconds(1), now: @escaping @Sendable () -> Date
    ) throws -> Store {
        do {
            let isWhole = try Migration.inspectFile(path: path, newest: migrations.count, patience: patience)
            let connection = try StoreConnection.writer(path: path)
            try connection.writeWithoutTransaction { database in
                try Migration.inspect(database, path: path, newest: migrations.count)
                try StoreConnection.makeDurable(database, path: path)
                try Migration.run(migrations, on: database, at: Timestamp.text(now()))
                try StoreOrigin.takeOver(database)
            }
            return Store(path: path, connection: connection, isCheckDue: !isWhole, now: now)
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: path)
        }
    }

    private init(path: String, connection: DatabaseQueue, isCheckDue: Bool, now: @escaping @Sendable () -> Date) {
        self.path = path
        self.connection = connection
        self.isCheckDue = isCheckDue
        self.now = now
    }

    /// Does what opening a large store has left to be done, over a connection of its own. Damage that is found ends the
    /// store: every later call throws it.
    ///
    /// - Parameter isWanted: asked again and again; false ends it unfinished.
    /// - Throws: `store_damaged`, `io_error`.
    public func checkSoundness(while isWanted: () -> Bool) throws {
        do {
            let reader = try StoreConnection.reader(path: path)
            _ = try reader.read { try Migration.isSound($0, path: path, while: isWanted) }
            try reader.close()
        } catch {
            let failure = (error as? DatabaseError).map { Failure.sqlite($0, path: path) } ?? error
            if let failure = failure as? Failure, failure.code == .storeDamaged { damage.withLock { $0 = failure } }
            throw failure
        }
    }

    /// Copies the WAL back into the database as far as readers let it; with `truncating`, empties the WAL file too.
    /// For idle moments: commits do a passive one by themselves whenever the WAL has grown past 4 MB.
    public func checkpoint(truncating: Bool = false) throws {
        try withConnection { database in
            do {
                try database.checkpoint(truncating ? .truncate : .passive)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                // A reader is at work: the next checkpoint will do.
            }
        }
    }

    /// A WAL that has grown past this is emptied between commits.
    public static let largeWAL = 64 << 20

    /// Empties the WAL if it is large, for moments between commits: a commit of millions of rows leaves it so, and commits
    /// alone only make it small again once nobody reads from it. Waits for nobody.
    ///
    /// - Returns: false if a reader keeps it: as long as one holds an old view, the WAL can only grow.
    public func emptyLargeWAL() throws -> Bool {
        var status = stat()
        guard stat("\(path)-wal", &status) == 0, status.st_size > Self.largeWAL else { return true }
        return try withConnection { database in
            sqlite3_busy_timeout(database.sqliteConnection, 0)
            defer { sqlite3_busy_timeout(database.sqliteConnection, StoreConnection.busyMilliseconds) }
            do {
                try database.checkpoint(.passive)
                try database.checkpoint(.truncate)
                return true
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                return false
            }
        }
    }

    /// Empties the WAL and closes the file; -wal and -shm stay for those who may only read. Closing twice is no error.
    public func close() throws {
        let isOpen = connection.writeWithoutTransaction { $0.sqliteConnection != nil }
        guard isOpen else { return }
        // A full disk is no reason to stay open: what is in the WAL is durable, and the next start copies it back.
        try? checkpoint(truncating: true)
        do {
            try connection.close()
        } catch let error as DatabaseError {
            throw Failure.sqlite(error, path: path)
        }
    }
}

extension Store {
    /// Runs one transaction on the writer. `body` gets the time to write down.
    @discardableResult
    func transaction<Value>(_ body: (Database, _ now: Date) throws -> Value) throws -> Value {
        try withConnection { database in
            // IMMEDIATE: a deferred transaction that turns to writing fails at once if a reader's snapshot is old.
            try database.beginTransaction(.immediate)
            errno = 0
            do {
                let value = try body(database, now())
                try database.commit()
                return value
            } catch {
                // Before the rollback, which may leave another reason behind.
                let failure = self.failure(error, in: database)
                if database.isInsideTransaction {
                    try? database.rollback()
                }
                throw failure
            }
        }
    }

    /// Runs `body` on the writer's connection, outside a transaction, and maps SQLite's errors.
    func withConnection<Value>(_ body: (Database) throws -> Value) throws -> Value {
        if let found = damage.withLock({ $0 }) { throw found }
        return try connection.writeWithoutTransaction { database in
            guard database.sqliteConnection != nil else {
                throw Failure(.unavailable, "The store is closed: start the service.")
            }
            do {
                return try body(database)
            } catch {
                throw failure(error, in: database)
            }
        }
    }

    private func failure(_ error: any Error, in database: Database) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        var number: Int32 = 0
        if error.resultCode == .SQLITE_IOERR {
            // SQLite keeps the reason when a statement fails, but not when COMMIT does; then it is still in errno.
            number = sqlite3_system_errno(database.sqliteConnection)
            number = number == 0 ? errno : number
        }
        let failure = Failure.sqlite(error, path: path, errno: number)
        if failure.code == .storeDamaged {
            damage.withLock { $0 = failure }
        }
        return failure
    }
}
