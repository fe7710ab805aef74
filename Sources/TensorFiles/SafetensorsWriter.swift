import Failures

/// What was written.
public struct WrittenFile: Sendable, Hashable {
    public let path: String
    /// SHA-256 of the file's bytes, 64 lower-case hex digits.
    public let sha256: String
    public let bytes: Int
}

/// Builds a safetensors file in memory and publishes it atomically; `.zst` at the end of the path compresses it.
public struct SafetensorsWriter: Sendable {
    public init(metadata: [String: String] = [:]) {}

    /// Adds a tensor of floats, stored as `type` (F16 and BF16 round to nearest even).
    public mutating func add(
        _ name: String, shape: [Int], floats: [Float], as type: ElementType = .float32
    ) throws {
        throw Failure(.internal, "not built yet")
    }

    public mutating func add(
        _ name: String, shape: [Int], integers: [some FixedWidthInteger], as type: ElementType
    ) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Adds a tensor whose bytes are already little-endian elements of `type`.
    public mutating func add(_ name: String, shape: [Int], bytes: [UInt8], as type: ElementType) throws {
        throw Failure(.internal, "not built yet")
    }

    /// The bare file.
    public func encoded() throws -> [UInt8] {
        throw Failure(.internal, "not built yet")
    }

    /// Writes to a temporary name, fsyncs, renames over `path` and fsyncs the directory.
    @discardableResult
    public func write(to path: String) throws -> WrittenFile {
        throw Failure(.internal, "not built yet")
    }
}
