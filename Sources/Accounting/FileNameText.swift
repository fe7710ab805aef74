/// A file name as text: SQLite's TEXT, JSON and terminals want UTF-8, the file system promises none.
enum FileNameText {
    /// The name with every byte that is not part of valid UTF-8 written as `\xNN`.
    static func text(_ name: [UInt8]) -> String {
        if let valid = String(validating: name, as: UTF8.self) {
            return valid
        }
        var text = ""
        var parser = Unicode.UTF8.ForwardParser()
        var input = name.makeIterator()
        var position = 0
        while true {
            switch parser.parseScalar(from: &input) {
            case .valid(let encoded):
                text.unicodeScalars.append(Unicode.UTF8.decode(encoded))
                position += encoded.count
            case .error(let length):
                for byte in name[position..<min(position + length, name.count)] {
                    let digits = String(byte, radix: 16, uppercase: true)
                    text += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
                }
                position += length
            case .emptyInput:
                return text
            }
        }
    }
}
