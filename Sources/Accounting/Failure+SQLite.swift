import Failures
import GRDB
import GRDBSQLite
import Glibc

extension Failure {
    /// Maps an error of SQLite's to a failure.
    ///
    /// - Parameters:
    ///   - errno: `sqlite3_system_errno` of the connection, 0 if unknown. SQLite says "full" for ENOSPC alone, and not
    ///     when it grows the shared-memory file; quotas and those cases come as I/O errors.
    static func sqlite(_ error: DatabaseError, path: String, errno number: Int32 = 0) -> Failure {
        var cause = "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")"
        if number != 0 {
            cause += ", \(String(cString: strerror(number)))"
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            return noSpace(path, cause)
        case .SQLITE_IOERR where number == ENOSPC || number == EDQUOT:
            return noSpace(path, cause)
        case .SQLITE_IOERR:
            return Failure(
                .ioError, "\(path) cannot be read or written: check the disk and the system log.", cause: cause)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return damaged(path, cause: cause)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Failure(
                .ioError,
                "\(path) is locked by another program: end its transaction; nothing but the daemon should write here.",
                cause: cause)
        case .SQLITE_INTERRUPT:
            return Failure(.deadline, "the answer took too long: ask for less, or query \(path) itself.", cause: cause)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_READONLY:
            return Failure(
                .ioError,
                "\(path) cannot be opened: check that the directory exists and that owner, group and mode let you in.",
                cause: cause)
        default:
            return Failure(.internal, "\(path): the store was used wrongly: please report this.", cause: cause)
        }
    }

    private static func noSpace(_ path: String, _ cause: String) -> Failure {
        Failure(.noSpace, "No space to write \(path): free some; work goes on by itself then.", cause: cause)
    }

    static func damaged(_ path: String, cause: String) -> Failure {
        Failure(
            .storeDamaged,
            "\(path) is damaged and is left as it is: copy it away with its -wal, then restore a backup or move it aside.",
            cause: cause)
    }
}
