import Failures
import Foundation

/// A small text file that a person names on the command line: one value a line, or a JSON array of strings.
enum TextLines {
    /// - Parameter count: how many values there must be, one a row; nil for any number.
    static func read(_ path: String, count: Int? = nil) throws -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.notFound, "\(path) cannot be read: check the path.")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Failure(.unsupportedFormat, "\(path) is not UTF-8 text: write one value a line, or a JSON array.")
        }
        let values = (try? JSONDecoder().decode([String].self, from: data)) ?? lines(of: text)
        if let count, values.count != count {
            throw Failure(
                .invalidArgument, "\(path) has \(values.count) lines for \(count) rows: give one line a row.")
        }
        return values
    }

    private static func lines(of text: String) -> [String] {
        // As bytes: "\r\n" is one Character, at which a String does not split.
        var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}
