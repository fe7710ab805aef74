import Failures
import GRDB
import GRDBSQLite

/// The one bulk insert: every row of a batch through a prepared statement, bound in place.
///
/// Nothing is allocated per row: ids are formatted into a scratch buffer or read where they lie, labels are read from
/// `ClassText`, and `top_k` is written into a second scratch buffer. A statement takes 16 rows: SQLite reads and writes
/// the AUTOINCREMENT counter once per statement, and row by row that and its like cost as much as the rows.
struct ResultInsertion {
    let batch: ResultBatch
    let job: JobID
    let rowsOK: Int
    private let progress: () -> Void

    private static let rowsPerStatement = 16
    private static let rowsPerProgress = 1 << 16

    /// - Parameter progress: called every 65,536 rows.
    init(batch: ResultBatch, job: JobID, progress: @escaping () -> Void) {
        self.batch = batch
        self.job = job
        self.progress = progress
        rowsOK = batch.statuses.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
    }

    func run(on database: Database) throws {
        let classes = ClassText(batch.classNames)
        let whole = batch.rows - batch.rows % Self.rowsPerStatement
        try classes.bytes.withUnsafeBufferPointer { text in
            try withIDBytes { idBytes in
                let source = RowSource(batch: batch, classes: classes, text: text, idBytes: idBytes)
                try insert(source, 0..<whole, by: Self.rowsPerStatement, on: database)
                try insert(source, whole..<batch.rows, by: batch.rows - whole, on: database)
            }
        }
    }

    private func insert(_ source: RowSource, _ rows: Range<Int>, by count: Int, on database: Database) throws {
        if rows.isEmpty { return }
        guard let connection = database.sqliteConnection else {
            throw Failure(.unavailable, "The store is closed: start the service.")
        }
        let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        let sql = """
            INSERT INTO results (job_id, row, item_id, status, label, class, score, margin, top_k, refined)
            VALUES \(repeatElement(row, count: count).joined(separator: ", "))
            """
        var prepared: OpaquePointer?
        try check(sqlite3_prepare_v2(connection, sql, -1, &prepared, nil), connection)
        guard let statement = prepared else { return }
        defer { sqlite3_finalize(statement) }
        var binding = RowBinding(statement: statement, source: source, rows: count, job: job)
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: count) {
            binding.bind(first..<first + count)
            let code = sqlite3_step(statement)
            if code != SQLITE_DONE {
                try check(code, connection)
            }
            sqlite3_reset(statement)
            if first % Self.rowsPerProgress == 0 { progress() }
        }
    }

    private func withIDBytes(_ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        if case .utf8(let bytes, _) = batch.ids {
            try bytes.withUnsafeBufferPointer(body)
        } else {
            try body(UnsafeBufferPointer(start: nil, count: 0))
        }
    }

    private func check(_ code: Int32, _ connection: OpaquePointer) throws {
        guard code != SQLITE_OK else { return }
        throw DatabaseError(
            resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
    }
}
