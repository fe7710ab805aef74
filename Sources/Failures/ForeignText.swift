/// Text that somebody else wrote, made fit for messages, logs, tables and terminals: nothing in it begins another line,
/// drives a terminal, or turns the text around.
public enum ForeignText {
    /// The most characters of a foreign text that a message quotes.
    public static let quotedCharacters = 80

    /// Bytes as text, one to one: UTF-8 as it is, every other byte, control or format character and backslash as
    /// `\xNN`.
    public static func escaped(_ bytes: some Collection<UInt8>) -> String {
        escaped(bytes) { $0 == "\\" || isUnfit($0) }
    }

    /// Text on one line: as `escaped`, but a backslash stays, so that what was escaped before is not escaped again.
    public static func line(_ text: String) -> String {
        text.unicodeScalars.contains(where: isUnfit) ? escaped(text.utf8, isUnfit) : text
    }

    /// In quotation marks, escaped, and cut after 80 characters.
    public static func quoted(_ text: some StringProtocol) -> String {
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: text.unicodeScalars.prefix(quotedCharacters))
        let isCut = text.unicodeScalars.dropFirst(quotedCharacters).first != nil
        return "\"\(escaped(String(kept).utf8))\(isCut ? "…" : "")\""
    }

    private static func escaped(
        _ bytes: some Collection<UInt8>, _ needsEscape: (Unicode.Scalar) -> Bool
    ) -> String {
        var text = String.UnicodeScalarView()
        var rest = bytes[...]
        while let first = rest.first {
            let piece = rest.prefix(length(leadByte: first))
            if let scalar = String(validating: piece, as: UTF8.self)?.unicodeScalars.first, !needsEscape(scalar) {
                text.append(scalar)
                rest = rest.dropFirst(piece.count)
            } else {
                let digits = String(first, radix: 16, uppercase: true)
                text.append(contentsOf: "\\x\(digits.utf8.count == 1 ? "0" : "")\(digits)".unicodeScalars)
                rest = rest.dropFirst()
            }
        }
        return String(text)
    }

    private static func isUnfit(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func length(leadByte: UInt8) -> Int {
        switch leadByte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}
