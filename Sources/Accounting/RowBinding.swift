import GRDBSQLite

/// What rows are read from: the batch's columns, and text that lies still while they are inserted.
struct RowSource {
    let batch: ResultBatch
    let classes: ClassText
    /// The bytes of `classes`.
    let text: UnsafeBufferPointer<UInt8>
    /// The bytes of the ids, if they are text.
    let idBytes: UnsafeBufferPointer<UInt8>
}

/// Binds some rows to one statement, over and over. Texts are bound without copying: they stay valid until the next
/// rows are bound, and the statement must end before the source does.
struct RowBinding: ~Copyable {
    private let statement: OpaquePointer
    private let source: RowSource
    private var ids: TextScratch
    private var topK: TextScratch

    private static let columns: Int32 = 10

    /// - Parameter rows: the number of rows the statement takes.
    init(statement: OpaquePointer, source: RowSource, rows: Int, job: JobID) {
        self.statement = statement
        self.source = source
        ids = TextScratch(capacity: rows * 20)
        // [["label",0.123456789],…]
        topK = TextScratch(capacity: rows * (2 + source.batch.topK * (source.classes.longest + 19)))
        for slot in 0..<Int32(rows) {
            sqlite3_bind_int64(statement, slot * Self.columns + 1, job)
        }
    }

    mutating func bind(_ rows: Range<Int>) {
        ids.clear()
        topK.clear()
        var column: Int32 = 2
        for row in rows {
            bind(row, from: column)
            column += Self.columns
        }
    }

    private mutating func bind(_ row: Int, from column: Int32) {
        sqlite3_bind_int64(statement, column, Int64(row))
        bindID(row, at: column + 1)
        sqlite3_bind_int(statement, column + 2, Int32(source.batch.statuses[row]))
        guard source.batch.statuses[row] == 0 else {
            for empty in column + 3...column + 7 {
                sqlite3_bind_null(statement, empty)
            }
            sqlite3_bind_int(statement, column + 8, 0)
            return
        }
        let first = row * source.batch.topK
        let best = Int(source.batch.topClasses[first])
        bindText(UnsafeBufferPointer(rebasing: source.text[source.classes.plain[best]]), at: column + 3)
        sqlite3_bind_int64(statement, column + 4, Int64(best))
        sqlite3_bind_double(statement, column + 5, Double(source.batch.topScores[first]))
        sqlite3_bind_double(statement, column + 6, Double(source.batch.margins[row]))
        let start = topK.count
        writeTopK(from: first)
        sqlite3_bind_text(statement, column + 7, topK.pointer(at: start), Int32(topK.count - start), nil)
        sqlite3_bind_int(statement, column + 8, source.batch.refined ? 1 : 0)
    }

    private mutating func bindID(_ row: Int, at column: Int32) {
        switch source.batch.ids {
        case .ordinal:
            bindID(number: Int64(row), at: column)
        case .integers(let values):
            bindID(number: values[row], at: column)
        case .utf8(_, let offsets):
            let range = Int(offsets[row])..<Int(offsets[row + 1])
            bindText(UnsafeBufferPointer(rebasing: source.idBytes[range]), at: column)
        }
    }

    private mutating func bindID(number: Int64, at column: Int32) {
        let start = ids.count
        ids.append(number)
        sqlite3_bind_text(statement, column, ids.pointer(at: start), Int32(ids.count - start), nil)
    }

    /// A null pointer would be bound as NULL: empty text is bound from a scratch buffer.
    private func bindText(_ bytes: UnsafeBufferPointer<UInt8>, at column: Int32) {
        let start = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self) ?? ids.pointer(at: 0)
        sqlite3_bind_text(statement, column, start, Int32(bytes.count), nil)
    }

    private mutating func writeTopK(from first: Int) {
        topK.append(UInt8(ascii: "["))
        for place in first..<first + source.batch.topK {
            if place > first {
                topK.append(UInt8(ascii: ","))
            }
            topK.append(UInt8(ascii: "["))
            let label = source.classes.quoted[Int(source.batch.topClasses[place])]
            topK.append(UnsafeBufferPointer(rebasing: source.text[label]))
            topK.append(UInt8(ascii: ","))
            topK.append(source.batch.topScores[place])
            topK.append(UInt8(ascii: "]"))
        }
        topK.append(UInt8(ascii: "]"))
    }
}
