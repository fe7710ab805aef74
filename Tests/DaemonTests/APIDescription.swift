import Foundation

/// An OpenAPI description, against which answers are held. It remembers which of its keys it has met.
///
/// Stricter than JSON Schema: a key that is not described is a fault, and so is a keyword that is not known here.
final class APIDescription {
    let document: [String: Any]
    private(set) var met: Set<String> = []

    init(_ data: Data) throws {
        document = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    var paths: [String: [String: Any]] { document["paths"] as? [String: [String: Any]] ?? [:] }

    /// What is described of an answer, as `get`'s `content` has it; nil if that status or type is not described.
    func schema(path: String, status: Int, type: String) -> [String: Any]? {
        let get = paths[path]?["get"] as? [String: Any]
        let answers = get?["responses"] as? [String: Any]
        guard let answer = answers?["\(status)"] as? [String: Any] else { return nil }
        let content = resolved(answer).schema["content"] as? [String: Any]
        return (content?[type] as? [String: Any])?["schema"] as? [String: Any]
    }

    /// Every key of every schema, as `Schema.key`.
    var keys: Set<String> {
        let components = document["components"] as? [String: Any]
        let schemas = components?["schemas"] as? [String: [String: Any]] ?? [:]
        return schemas.reduce(into: []) { Self.collect($1.value, $1.key, into: &$0) }
    }

    private static func collect(_ schema: [String: Any], _ name: String, into keys: inout Set<String>) {
        for (key, inner) in schema["properties"] as? [String: [String: Any]] ?? [:] {
            keys.insert("\(name).\(key)")
            collect(inner, "\(name).\(key)", into: &keys)
        }
    }

    /// - Returns: in what a value is not as described.
    func faults(_ value: Any, _ described: [String: Any], at place: String = "answer") -> [String] {
        let (schema, name) = resolved(described)
        let here = name ?? place
        var faults: [String] = []
        for (keyword, demand) in schema {
            switch (keyword, demand, value) {
            case ("description", _, _), ("properties", _, _): break
            case ("type", let type as String, _):
                if !Self.isA(type, value) { faults.append("\(here): \(value) is no \(type)") }
            case ("type", let types as [String], _):
                if !types.contains(where: { Self.isA($0, value) }) {
                    faults.append("\(here): \(value) is none of \(types)")
                }
            case ("const", let only as String, _):
                if value as? String != only { faults.append("\(here): \(value) is not \(only)") }
            case ("enum", let allowed as [String], _):
                if !allowed.contains(value as? String ?? "") {
                    faults.append("\(here): \(value) is none of \(allowed)")
                }
            case ("pattern", let pattern as String, let text as String):
                if text.range(of: pattern, options: .regularExpression) == nil { faults.append("\(here): \(text)") }
            case ("format", "date-time" as String, let text as String):
                let pattern = #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"#
                if text.range(of: pattern, options: .regularExpression) == nil { faults.append("\(here): \(text)") }
            case ("minimum", let bound as Double, let number as Double):
                if number < bound { faults.append("\(here): \(number) is below \(bound)") }
            case ("maximum", let bound as Double, let number as Double):
                if number > bound { faults.append("\(here): \(number) is above \(bound)") }
            case ("minItems", let bound as Int, let items as [Any]):
                if items.count < bound { faults.append("\(here): \(items.count) of at least \(bound)") }
            case ("maxItems", let bound as Int, let items as [Any]):
                if items.count > bound { faults.append("\(here): \(items.count) of at most \(bound)") }
            case ("items", let inner as [String: Any], let items as [Any]):
                faults += items.flatMap { self.faults($0, inner, at: "\(here)[]") }
            case ("required", let needed as [String], let object as [String: Any]):
                faults += needed.filter { object[$0] == nil }.map { "\(here): \($0) is missing" }
            default: faults.append("\(here): \(keyword) \(demand) does not fit \(value)")
            }
        }
        guard let object = value as? [String: Any], schema["type"] as? String == "object",
            // An object of which nothing is said may hold anything.
            let properties = schema["properties"] as? [String: [String: Any]]
        else { return faults }
        for (key, inner) in object {
            guard let property = properties[key] else {
                faults.append("\(here): \(key) is not described")
                continue
            }
            met.insert("\(here).\(key)")
            faults += self.faults(inner, property, at: "\(here).\(key)")
        }
        return faults
    }

    private func resolved(_ schema: [String: Any]) -> (schema: [String: Any], name: String?) {
        guard let reference = schema["$ref"] as? String else { return (schema, nil) }
        let words = reference.split(separator: "/").map(String.init)
        let found = words.dropFirst().reduce(document as Any?) { ($0 as? [String: Any])?[$1] }
        return (found as? [String: Any] ?? ["dangling": reference], words.last)
    }

    private static func isA(_ type: String, _ value: Any) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "boolean": value is Bool
        case "number": value is NSNumber
        case "integer": (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } ?? false
        default: false
        }
    }
}
