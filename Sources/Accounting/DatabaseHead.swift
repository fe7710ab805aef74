import GRDBSQLite

/// The first bytes of a database file, by SQLite's own descriptor.
///
/// Never by open(2): to close any descriptor of a file takes away all locks that this process has on it (fcntl(2)), those of
/// SQLite's other connections included, and a stranger that closes the file would then believe itself to be the last one and
/// remove the WAL under them. SQLite keeps its descriptors until nobody in the process needs them.
enum DatabaseHead {
    /// - Returns: nil if there are not so many bytes, or the file cannot be opened.
    static func read(path: String, count: Int) -> [UInt8]? {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        // Opening reads nothing yet, so that a foreign WAL is not looked at.
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else { return nil }
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
            let file, let read = file.pointee.pMethods?.pointee.xRead
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return read(file, &bytes, Int32(count), 0) == SQLITE_OK ? bytes : nil
    }
}
