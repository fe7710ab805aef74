import Accounting
import Foundation

extension JobFilter {
    /// The filter as the query of `/v1/jobs`.
    var query: String {
        var items = ["limit": "\(limit)"]
        if !states.isEmpty { items["state"] = states.map(\.rawValue).sorted().joined(separator: ",") }
        items["pipeline"] = pipeline
        items["sha256"] = sha256
        items["after"] = after.map { "\($0)" }
        items["before"] = before.map { "\($0)" }
        items["since"] = since
        items["until"] = until
        items["code"] = code
        items["file_name"] = fileName
        if newestFirst { items["newest_first"] = "1" }
        return items.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    /// Whether no index leads to the jobs that are asked for.
    var isSearch: Bool { since != nil || until != nil || fileName != nil }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(
            withAllowedCharacters: .alphanumerics.intersection(.init(charactersIn: "\0"..."\u{7F}")))
            ?? ""
    }
}
