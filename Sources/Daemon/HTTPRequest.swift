import Foundation

/// The head of an HTTP/1 request. Bodies, and header fields other than these, are of no use to any route, so they are not
/// kept.
package struct HTTPRequest: Sendable {
    package let method: String
    /// The parts of the path between slashes, without escapes and without empty ones.
    package let parts: [String]
    package let query: [Item]
    /// Whom the client means to talk to; nil if it does not say, as no browser does.
    package let host: HTTPHost?
    /// The tags of If-None-Match: what the client has already.
    package let knownTags: [String]

    package struct Item: Sendable {
        package let name: String
        package let value: String
    }

    /// Nil unless the bytes are the head of a request of HTTP/1, up to the empty line that ends it.
    package init?(head: some Sequence<UInt8>) {
        var lines = Self.lines(head)
        guard !lines.isEmpty, let line = String(validating: lines.removeFirst(), as: UTF8.self) else { return nil }
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[2].hasPrefix("HTTP/1."),
            let target = URLComponents(string: String(words[1])), let fields = Self.fields(lines)
        else { return nil }
        let hosts = fields.filter { $0.name == "host" }
        // Two of them mean that somebody on the way takes the one and somebody else the other.
        guard hosts.count == 1 || (hosts.isEmpty && words[2] == "HTTP/1.0") else { return nil }
        // A target with a host of its own goes before the field, says RFC 9112.
        host = (target.percentEncodedHost ?? hosts.first?.value).flatMap(HTTPHost.init)
        method = String(words[0])
        parts = target.percentEncodedPath.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        query = (target.queryItems ?? []).map { Item(name: $0.name, value: $0.value ?? "") }
        knownTags = fields.filter { $0.name == "if-none-match" }.flatMap { field in
            field.value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// Up to the empty line; a line ends with LF or CR LF.
    private static func lines(_ head: some Sequence<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for line in Array(head).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let bare = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if bare.isEmpty { break }
            lines.append(Array(bare))
        }
        return lines
    }

    /// Names in small letters; nil where a line is no field. A continued line is none: it was given up in 2014.
    private static func fields(_ lines: [[UInt8]]) -> [Item]? {
        var fields: [Item] = []
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
                line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return nil }
            fields.append(
                Item(
                    name: String(decoding: line[..<colon], as: UTF8.self).lowercased(),
                    value: String(decoding: line[(colon + 1)...], as: UTF8.self)
                        .trimmingCharacters(in: .whitespaces)))
        }
        return fields
    }
}
