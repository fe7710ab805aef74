import GRDB
import GRDBSQLite

extension Database {
    /// Ends what `body` has SQLite do with SQLITE_INTERRUPT as soon as `isWanted` says no. It is asked every few thousand
    /// steps of SQLite's machine: some tens of microseconds.
    func whileWanted<Value>(_ isWanted: () -> Bool, _ body: () throws -> Value) rethrows -> Value {
        try withoutActuallyEscaping(isWanted) { isWanted in
            var question = isWanted
            return try withUnsafeMutablePointer(to: &question) { pointer in
                sqlite3_progress_handler(
                    sqliteConnection, 4_096,
                    { pointer in
                        guard let pointer else { return 0 }
                        return pointer.assumingMemoryBound(to: (() -> Bool).self).pointee() ? 0 : 1
                    }, pointer)
                defer { sqlite3_progress_handler(sqliteConnection, 0, nil, nil) }
                return try body()
            }
        }
    }
}
