import Failures

/// Scans the one Python literal that an npy header may be; nothing is nested, so nothing recurses.
struct LiteralScanner {
    private let bytes: [UInt8]
    private var offset = 0

    struct Fault: Error {
        let message: String
        let offset: Int
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// `{'descr': …, 'fortran_order': …, 'shape': …}`: exactly these keys, each once, in any order.
    mutating func dictionary() throws -> NpyHeader.Dictionary {
        var descr: String??
        var fortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !take("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where descr == nil:
                if peek == UInt8(ascii: "[") {
                    // A structured type: it will be refused, whatever is in it.
                    return NpyHeader.Dictionary(descr: nil, fortranOrder: false, shape: [])
                }
                descr = .some(try string())
            case "fortran_order" where fortranOrder == nil: fortranOrder = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default: throw fault("unknown or repeated key \(ForeignText.quoted(key))")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        guard let descr, let fortranOrder, let shape else { throw fault("descr, fortran_order or shape is missing") }
        skipSpace()
        if offset < bytes.count { throw fault("unexpected text behind the dictionary") }
        return NpyHeader.Dictionary(descr: descr, fortranOrder: fortranOrder, shape: shape)
    }

    private mutating func string() throws -> String {
        skipSpace()
        guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw fault("expected a string")
        }
        offset += 1
        let start = offset
        while let byte = peek, byte != quote {
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else {
                throw fault("odd character in a string")
            }
            offset += 1
        }
        guard peek == quote else { throw fault("a string does not end") }
        offset += 1
        return String(decoding: bytes[start..<offset - 1], as: UTF8.self)
    }

    private mutating func boolean() throws -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where bytes[offset...].starts(with: word.utf8) {
            offset += word.utf8.count
            return value
        }
        throw fault("expected True or False")
    }

    /// `()`, `(n,)`, `(n, m)`, `(n, m,)`; at most 32 numbers, as in NumPy.
    private mutating func tuple() throws -> [Int] {
        var values: [Int] = []
        try expect("(")
        while !take(")") {
            if values.count == 32 { throw fault("more than 32 dimensions") }
            values.append(try integer())
            if !take(",") {
                // `(n)` is no tuple in Python.
                if values.count == 1 { throw fault("expected a comma") }
                try expect(")")
                break
            }
        }
        return values
    }

    private mutating func integer() throws -> Int {
        skipSpace()
        let start = offset
        while let byte = peek, byte >= 0x30, byte <= 0x39 { offset += 1 }
        guard offset > start, let value = Int(String(decoding: bytes[start..<offset], as: UTF8.self)) else {
            throw fault("expected a whole number, not negative")
        }
        return value
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A { offset += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard let byte = peek, UInt32(byte) == character.value else { return false }
        offset += 1
        skipSpace()
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw fault("expected \(character)") }
    }

    private func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }
}
