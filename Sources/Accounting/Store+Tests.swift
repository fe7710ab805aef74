import GRDB
import GRDBSQLite

/// What only tests need: looking at the writer's connection, and making it fail.
extension Store {
    /// Every migration in order.
    package static var migrations: [String] { Schema.migrations }

    /// A pragma's value on the writer's connection.
    package func pragma(_ name: String) throws -> String? {
        try withConnection { try String.fetchOne($0, sql: "SELECT CAST(\(name) AS TEXT) FROM pragma_\(name)") }
    }

    /// Lets the database grow to so many pages: past them SQLite says "full", as on a full disk.
    package func limit(pages: Int) throws {
        try withConnection { _ = try Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
    }

    /// SQLite's own check of the whole file, as it says it; empty if all is well. Reads everything.
    package func integrityErrors() throws -> [String] {
        try withConnection { database in
            try String.fetchAll(database, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
        }
    }

    /// Is told the text of every statement that the writer runs, its question marks in place.
    package func trace(_ heard: @escaping @Sendable (String) -> Void) throws {
        try withConnection { $0.traceStatements(heard) }
    }

    /// How long the writer waits for another program's lock.
    package func setBusyTimeout(milliseconds: Int32) throws {
        try withConnection { _ = sqlite3_busy_timeout($0.sqliteConnection, milliseconds) }
    }
}

extension StoreReader {
    /// Is told the text of every statement that the reader runs, its question marks in place.
    package func trace(_ heard: @escaping @Sendable (String) -> Void) throws {
        try read { $0.traceStatements(heard) }
    }
}

extension Database {
    fileprivate func traceStatements(_ heard: @escaping @Sendable (String) -> Void) {
        trace(options: .statement) { event in
            if case .statement(let statement) = event { heard(statement.sql) }
        }
    }
}
