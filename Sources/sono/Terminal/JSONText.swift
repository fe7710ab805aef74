import Failures
import Foundation

/// Values as JSON text, the same way everywhere: keys sorted and in snake_case, slashes bare.
enum JSONText {
    /// For one document that a person may look at too.
    static func document(_ value: some Encodable) throws -> String {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted])
    }

    /// For one of many, on one line.
    static func line(_ value: some Encodable) throws -> String {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func encode(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw Failure(.internal, "the answer cannot be written as JSON: report this.", cause: "\(error)")
        }
    }
}

/// A value under its `schema` name, the key by which a program knows what it reads: keys are only ever added to it.
struct Document<Body: Encodable>: Encodable {
    let schema: String
    let body: Body

    init(_ schema: String, _ body: Body) {
        self.schema = schema
        self.body = body
    }

    func encode(to encoder: any Encoder) throws {
        try body.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(schema, forKey: .schema)
    }

    private enum Key: CodingKey {
        case schema
    }
}
