import Failures

/// What must hold within a set, whether it comes from a file or is on its way into one: `refuse` says which of the two, by
/// making the failure out of what is wrong.
struct SetRules: Sendable {
    /// The code for an id that is longer than `longestID`.
    let longID: FailureCode
    let refuse: @Sendable (String) -> Failure

    /// Bytes of one text id. Ids are keys: every result row, its index and every answer repeats them.
    static let longestID = 4_096

    /// For what comes from the caller and not from a file.
    static let given = SetRules(longID: .invalidArgument) { Failure(.invalidArgument, "\($0): mend that first.") }

    func checkClasses(_ classes: [String]) throws {
        if classes.isEmpty || classes.contains("") || Set(classes).count != classes.count {
            throw refuse("`classes` is empty, or has an empty or repeated name")
        }
    }

    /// Checks that a label counts into the classes, -1 standing for none.
    func checkLabel(_ label: Int64, row: Int, classes: Int) throws {
        guard label >= -1, label < Int64(classes) else {
            throw refuse("label \(label) of row \(row) does not count into the \(classes) classes")
        }
    }

    /// The check that lets `ids_utf8` and `ids_offsets` be sliced without looking again: the offsets ascend from 0 to the
    /// end of the bytes, none splits a character, and the bytes are valid UTF-8 without NUL.
    func checkIDs(bytes: [UInt8], offsets: [Int64]) throws {
        guard offsets.first == 0, offsets.last == Int64(bytes.count) else {
            throw refuse("`ids_offsets` does not run from 0 to the end of `ids_utf8`")
        }
        var before: Int64 = 0
        for (row, offset) in offsets.enumerated() {
            guard offset >= before, offset <= Int64(bytes.count) else {
                throw refuse("`ids_offsets` descends or leaves `ids_utf8` at row \(row)")
            }
            if offset < Int64(bytes.count), bytes[Int(offset)] & 0xC0 == 0x80 {
                throw refuse("`ids_offsets` splits a UTF-8 character at row \(row)")
            }
            if offset - before > Int64(Self.longestID) {
                let words = "the id of row \(row - 1) has \(offset - before) bytes, \(Self.longestID) at most"
                throw Failure(longID, refuse(words).message)
            }
            before = offset
        }
        guard (try? UTF8Span(validating: bytes.span)) != nil, !bytes.contains(0) else {
            throw refuse("`ids_utf8` is not valid UTF-8, or has a NUL")
        }
    }
}
