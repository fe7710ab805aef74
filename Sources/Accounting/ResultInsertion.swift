import Failures
import GRDB
import GRDBSQLite

/// The one bulk insert: every row of a batch through one prepared statement, bound in place.
///
/// Nothing is allocated per row: ids are formatted into a scratch buffer or read where they lie, labels are read from
/// `ClassText`, and `top_k` is written into a second scratch buffer.
struct ResultInsertion {
    let batch: ResultBatch
    let job: JobID
    let rowsOK: Int

    init(batch: ResultBatch, job: JobID) throws {
        self.batch = batch
        self.job = job
        rowsOK = batch.statuses.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
    }

    private static let sql = """
        INSERT INTO results (job_id, row, item_id, status, label, class, score, margin, top_k, refined)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        """

    func run(on database: Database) throws {
        guard let connection = database.sqliteConnection else {
            throw Failure(.internal, "The store is closed: please report this.")
        }
        var prepared: OpaquePointer?
        try check(sqlite3_prepare_v2(connection, Self.sql, -1, &prepared, nil), connection)
        defer { sqlite3_finalize(prepared) }
        guard let statement = prepared else { return }
        try check(sqlite3_bind_int64(statement, 1, job), connection)

        let classes = ClassText(batch.classNames)
        try classes.bytes.withUnsafeBufferPointer { text in
            try withIDBytes { idBytes in
                var row = RowBinding(statement: statement, batch: batch, classes: classes, text: text)
                for index in 0..<batch.rows {
                    row.bind(index, idBytes: idBytes)
                    let code = sqlite3_step(statement)
                    sqlite3_reset(statement)
                    if code != SQLITE_DONE {
                        try check(code, connection)
                    }
                }
                // The buffers end here; nothing may be left that points into them.
                sqlite3_clear_bindings(statement)
            }
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

/// Binds one row after the other. Texts are bound without copying: they stay valid until the next row is bound.
private struct RowBinding: ~Copyable {
    let statement: OpaquePointer
    let batch: ResultBatch
    let classes: ClassText
    let text: UnsafeBufferPointer<UInt8>
    var id = TextScratch(capacity: 20)
    var topK: TextScratch

    init(statement: OpaquePointer, batch: ResultBatch, classes: ClassText, text: UnsafeBufferPointer<UInt8>) {
        self.statement = statement
        self.batch = batch
        self.classes = classes
        self.text = text
        // [["label",0.123456789],…]
        topK = TextScratch(capacity: 2 + batch.topK * (classes.longest + 19))
    }

    mutating func bind(_ row: Int, idBytes: UnsafeBufferPointer<UInt8>) {
        sqlite3_bind_int64(statement, 2, Int64(row))
        bindID(row, idBytes)
        sqlite3_bind_int(statement, 4, Int32(batch.statuses[row]))
        guard batch.statuses[row] == 0 else {
            for column in Int32(5)...9 {
                sqlite3_bind_null(statement, column)
            }
            sqlite3_bind_int(statement, 10, 0)
            return
        }
        let first = row * batch.topK
        let best = Int(batch.topClasses[first])
        bindText(5, UnsafeBufferPointer(rebasing: text[classes.plain[best]]))
        sqlite3_bind_int64(statement, 6, Int64(best))
        sqlite3_bind_double(statement, 7, Double(batch.topScores[first]))
        sqlite3_bind_double(statement, 8, Double(batch.margins[row]))
        writeTopK(from: first)
        sqlite3_bind_text(statement, 9, topK.pointer, Int32(topK.count), nil)
        sqlite3_bind_int(statement, 10, batch.refined ? 1 : 0)
    }

    private mutating func bindID(_ row: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
        switch batch.ids {
        case .ordinal:
            bindID(number: Int64(row))
        case .integers(let values):
            bindID(number: values[row])
        case .utf8(_, let offsets):
            bindText(3, UnsafeBufferPointer(rebasing: bytes[Int(offsets[row])..<Int(offsets[row + 1])]))
        }
    }

    private mutating func bindID(number: Int64) {
        id.clear()
        id.append(number)
        sqlite3_bind_text(statement, 3, id.pointer, Int32(id.count), nil)
    }

    /// A null pointer would be bound as NULL: empty text is bound from the scratch buffer.
    private func bindText(_ column: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
        let start = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self) ?? topK.pointer
        sqlite3_bind_text(statement, column, start, Int32(bytes.count), nil)
    }

    private mutating func writeTopK(from first: Int) {
        topK.clear()
        topK.append(UInt8(ascii: "["))
        for place in first..<first + batch.topK {
            if place > first {
                topK.append(UInt8(ascii: ","))
            }
            topK.append(UInt8(ascii: "["))
            topK.append(UnsafeBufferPointer(rebasing: text[classes.quoted[Int(batch.topClasses[place])]]))
            topK.append(UInt8(ascii: ","))
            topK.append(batch.topScores[place])
            topK.append(UInt8(ascii: "]"))
        }
        topK.append(UInt8(ascii: "]"))
    }
}
