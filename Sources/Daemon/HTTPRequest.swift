import Foundation

/// The head of an HTTP/1.1 request. Header fields and bodies are of no use to any route, so they are not kept.
package struct HTTPRequest: Sendable {
    package let method: String
    /// The parts of the path between slashes, without escapes and without empty ones.
    package let parts: [String]
    package let query: [Item]

    package struct Item: Sendable {
        package let name: String
        package let value: String
    }

    /// Nil unless the bytes begin with a request line of HTTP/1.
    package init?(head: some Sequence<UInt8>) {
        let line = head.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard let text = String(validating: line, as: UTF8.self) else { return nil }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[2].hasPrefix("HTTP/1."),
            let target = URLComponents(string: String(words[1]))
        else { return nil }
        method = String(words[0])
        parts = target.percentEncodedPath.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        query = (target.queryItems ?? []).map { Item(name: $0.name, value: $0.value ?? "") }
    }
}
