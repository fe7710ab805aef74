import GRDB

extension StoreReader {
    /// SQLite's own check of the whole file, and that every reference leads somewhere: what is wrong, ten lines at most.
    /// Reads everything, and keeps the WAL from being emptied meanwhile.
    public func integrityErrors() throws -> [String] {
        try read { database in
            let errors = try String.fetchAll(database, sql: "PRAGMA integrity_check(10)").filter { $0 != "ok" }
            guard errors.isEmpty else { return errors }
            return try Row.fetchAll(database, sql: "SELECT DISTINCT \"table\", parent FROM pragma_foreign_key_check")
                .map { "\($0[0] as String): rows whose \($0[1] as String) row is missing" }
        }
    }

    /// A job whose file belongs in work/.
    public struct ExpectedInput: Equatable, Sendable {
        public let job: JobID
        public let pipeline: String
        public let token: String
    }

    /// All of them, oldest first.
    public func expectedInWork() throws -> [ExpectedInput] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT job_id, pipeline, token FROM jobs WHERE filed_as IS NULL ORDER BY job_id"
            ).map { ExpectedInput(job: $0["job_id"], pipeline: $0["pipeline"], token: $0["token"]) }
        }
    }
}

/// Faults of SQLite's that concern us, by version.
public enum SQLiteFaults {
    /// - Parameter version: such as `3.40.1`.
    /// - Returns: what is known to be wrong with it, and what keeps it from doing harm; nil if nothing is.
    public static func known(in version: String) -> String? {
        let numbers = version.split(separator: ".").compactMap { Int($0) }
        guard numbers.count >= 2 else { return nil }
        let number = numbers[0] * 1_000_000 + numbers[1] * 1_000 + (numbers.count > 2 ? numbers[2] : 0)
        guard (3_007_000..<3_051_003).contains(number) else { return nil }
        return "SQLite \(version) has the WAL-reset fault of 3.7.0 to 3.51.2, unless your distribution has mended it: "
            + "two connections that write or checkpoint at the same moment can damage the file"
    }
}
