import Failures

/// A strict pull scanner over JSON text (RFC 8259): the caller says what must come next, so nothing ever recurses.
///
/// Stricter than most parsers: whole non-negative numbers only, no lone surrogates, valid UTF-8, no byte order mark,
/// and no letter under a heap of accents.
package struct JSONScanner {
    private let bytes: [UInt8]
    package private(set) var offset = 0

    package struct Fault: Error {
        package let message: String
        package let offset: Int
    }

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads `{ "key": value, … }`, calling `member` with the scanner standing at each value; refuses duplicate keys.
    package mutating func object(_ member: (String, inout JSONScanner) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        var seen = Set<String>()
        repeat {
            let start = offset
            let key = try string()
            guard seen.insert(key).inserted else {
                throw Fault(message: "the key \(ForeignText.quoted(key)) stands twice", offset: start)
            }
            try expect(":")
            try member(key, &self)
        } while take(",")
        try expect("}")
    }

    /// Reads `[ element, … ]`, calling `element` with the scanner standing at each.
    package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try expect("[")
        if take("]") { return }
        repeat { try element(&self) } while take(",")
        try expect("]")
    }

    /// Reads a whole number from 0 to `Int.max`.
    package mutating func integer() throws -> Int {
        skipSpace()
        let start = offset
        var value = 0
        while let byte = peek, byte >= 0x30, byte <= 0x39 {
            let (product, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, overSum) = product.addingReportingOverflow(Int(byte - 0x30))
            if over || overSum { throw Fault(message: "a number is too large", offset: start) }
            value = sum
            offset += 1
        }
        let digits = offset - start
        let continues = peek.map { [0x2E, 0x45, 0x65].contains($0) } ?? false
        if digits == 0 || continues || (digits > 1 && bytes[start] == 0x30) {
            throw Fault(message: "expected a whole number, not negative", offset: start)
        }
        return value
    }

    package mutating func string() throws -> String {
        try expect("\"")
        let start = offset
        while let byte = peek, byte != 0x22, byte != 0x5C, byte >= 0x20 { offset += 1 }
        if peek == 0x22 {
            let text = try validated(bytes[start..<offset], at: start)
            offset += 1
            return text
        }
        var text = Array(bytes[start..<offset])
        while let byte = peek, byte != 0x22 {
            if byte < 0x20 { break }
            offset += 1
            if byte == 0x5C {
                try appendEscape(to: &text)
            } else {
                text.append(byte)
            }
        }
        guard peek == 0x22 else { throw Fault(message: "a string does not end", offset: offset) }
        offset += 1
        return try validated(text[...], at: start)
    }

    /// Moves over any value, nested as deep as it likes, by its strings and brackets alone: what is between them is left to
    /// whoever reads it.
    package mutating func skip() throws {
        var depth = 0
        repeat {
            skipSpace()
            switch peek {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                offset += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"): offset += 1
            case nil: break
            default: while let byte = peek, !Self.delimiters.contains(byte) { offset += 1 }
            }
        } while depth > 0 && peek != nil
        if depth != 0 { throw Fault(message: "a value does not end", offset: offset) }
    }

    private static let delimiters = Set("\"{}[],: \n\r\t".utf8)

    /// Requires that only white space is left.
    package mutating func end() throws {
        skipSpace()
        if offset < bytes.count { throw Fault(message: "unexpected text behind the JSON", offset: offset) }
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard let byte = peek, UInt32(byte) == character.value else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw Fault(message: "expected \(character)", offset: offset) }
    }

    private func validated(_ bytes: ArraySlice<UInt8>, at offset: Int) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(message: "a string is not valid UTF-8", offset: offset)
        }
        if !text.utf8.allSatisfy({ $0 < 0x80 }), Self.longestRunOfMarks(text) > Self.mostMarks {
            throw Fault(message: "more than \(Self.mostMarks) accents stand on one letter", offset: offset)
        }
        return text
    }

    /// Strings are compared and hashed in normal form, and to sort the marks on one letter takes time that grows with the
    /// square of their number: a header full of them would take hours. Stream-safe text (UAX #15, section 13) has 30 at most.
    private static let mostMarks = 64

    private static func longestRunOfMarks(_ text: String) -> Int {
        var (run, longest) = (0, 0)
        for scalar in text.unicodeScalars {
            run = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : run + 1
            longest = max(longest, run)
        }
        return longest
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws {
        guard let byte = peek else { return }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try appendCodePoint(to: &text)
        default: throw Fault(message: "unknown escape", offset: offset - 1)
        }
    }

    private mutating func appendCodePoint(to text: inout [UInt8]) throws {
        var units = [try hexUnit()]
        if UTF16.isLeadSurrogate(units[0]), bytes[offset...].starts(with: [0x5C, 0x75]) {
            offset += 2
            units.append(try hexUnit())
        }
        guard let character = String(validating: units, as: UTF16.self) else {
            throw Fault(message: "half of a surrogate pair", offset: offset)
        }
        text.append(contentsOf: character.utf8)
    }

    private mutating func hexUnit() throws -> UInt16 {
        guard offset + 4 <= bytes.count,
            bytes[offset..<offset + 4].allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let unit = UInt16(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
        else { throw Fault(message: "expected four hex digits", offset: offset) }
        offset += 4
        return unit
    }
}
