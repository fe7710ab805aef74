import Dynamics

/// A model as it came from a file.
public struct LoadedModel: Sendable {
    public let model: Model<Float>
    /// SHA-256 of the file's bytes, in hexadecimal.
    public let sha256: String
    /// The size of the file.
    public let bytes: Int
    /// What was ignored or doubtful in the file.
    public let warnings: [String]

    /// The model's id: the first 12 hexadecimal digits of the hash.
    public var id: String { String(sha256.prefix(12)) }

    public init(model: Model<Float>, sha256: String, bytes: Int, warnings: [String]) {
        self.model = model
        self.sha256 = sha256
        self.bytes = bytes
        self.warnings = warnings
    }
}
