import Failures

/// The check that lets `ids_utf8` and `ids_offsets` be sliced without looking again.
enum UTF8IDs {
    /// - Throws: `corrupt_safetensors` unless the offsets ascend from 0 to the end of the bytes, none splits a character,
    ///   and the bytes are valid UTF-8 without NUL.
    static func check(bytes: [UInt8], offsets: [Int64], path: String) throws {
        guard offsets.first == 0, offsets.last == Int64(bytes.count) else {
            throw SetLayout.corrupt(path, "`ids_offsets` does not run from 0 to the end of `ids_utf8`")
        }
        var before: Int64 = 0
        for (row, offset) in offsets.enumerated() {
            guard offset >= before, offset <= Int64(bytes.count) else {
                throw SetLayout.corrupt(path, "`ids_offsets` descends or leaves `ids_utf8` at row \(row)")
            }
            if offset < Int64(bytes.count), bytes[Int(offset)] & 0xC0 == 0x80 {
                throw SetLayout.corrupt(path, "`ids_offsets` splits a UTF-8 character at row \(row)")
            }
            before = offset
        }
        guard (try? UTF8Span(validating: bytes.span)) != nil, !bytes.contains(0) else {
            throw SetLayout.corrupt(path, "`ids_utf8` is not valid UTF-8, or has a NUL")
        }
    }
}
