import Foundation
import Testing

/// The calls by which a traced service changes its disk, in the order in which they came to their end.
struct SystemCallTrace {
    enum Event: Equatable, CustomStringConvertible {
        /// The write-ahead log is durable.
        case commit
        case create(String)
        case sync(String)
        case rename(String, to: String)

        var description: String {
            switch self {
            case .commit: "commit"
            case .create(let path): "create \(path)"
            case .sync(let path): "sync \(path)"
            case .rename(let old, let new): "rename \(old) to \(new)"
            }
        }
    }

    /// What strace(1) is told, to be followed by the command.
    static func arguments(log: String) -> [String] {
        ["-f", "-y", "-s", "4096", "-o", log, "-e", "signal=none", "-e", "trace=\(calls.joined(separator: ","))"]
    }

    private static let calls = ["openat", "rename", "renameat", "renameat2", "fsync", "fdatasync"]

    let events: [Event]

    /// - Parameter root: paths below it are told without it; others are left out.
    init(log: String, root: String) throws {
        var unfinished: [Substring: Substring] = [:]
        var events: [Event] = []
        for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            var call = parts[1].drop { $0 == " " }
            if let cut = call.range(of: " <unfinished ...>") {
                unfinished[parts[0]] = call[..<cut.lowerBound]
                continue
            }
            if call.hasPrefix("<... "), let end = call.range(of: " resumed>") {
                call = (unfinished.removeValue(forKey: parts[0]) ?? "") + call[end.upperBound...]
            }
            if let event = Self.event(String(call), root: root) { events.append(event) }
        }
        self.events = events
    }

    private static func event(_ call: String, root: String) -> Event? {
        guard call.contains(") = "), !call.contains(" = -1 ") else { return nil }
        // Directories stand in angle brackets after their descriptors, names in quotation marks.
        let places = call.matches(of: /<([^<>]*)>|"((?:[^"\\]|\\.)*)"/).map { match in
            (isName: match.2 != nil, text: String(match.1 ?? match.2 ?? ""))
        }
        var paths: [String] = []
        var directory = ""
        for place in places {
            if !place.isName {
                directory = place.text
            } else {
                paths.append(place.text.hasPrefix("/") ? place.text : "\(directory)/\(place.text)")
            }
        }
        func short(_ path: String) -> String? {
            path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : nil
        }
        switch call.prefix(while: { $0 != "(" }) {
        case "fsync", "fdatasync":
            guard let path = short(directory) else { return nil }
            return path == "state/sono.sqlite-wal" ? .commit : .sync(path)
        case "openat":
            guard call.contains("O_CREAT"), let path = paths.first.flatMap(short) else { return nil }
            return .create(path)
        default:
            guard paths.count == 2, let old = short(paths[0]), let new = short(paths[1]) else { return nil }
            return .rename(old, to: new)
        }
    }
}
