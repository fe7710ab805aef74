/// The little JSON that headers and metadata need.
package enum JSONStrings {
    /// A JSON string with its quotes.
    package static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// A JSON array of strings.
    package static func array(_ strings: [String]) -> String {
        "[" + strings.map(quote).joined(separator: ", ") + "]"
    }

    /// Parses a JSON array of strings and nothing else.
    package static func strings(_ text: String) throws -> [String] {
        var scanner = JSONScanner(Array(text.utf8))
        var strings: [String] = []
        try scanner.array { strings.append(try $0.string()) }
        try scanner.end()
        return strings
    }
}
