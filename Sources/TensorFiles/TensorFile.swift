import Failures

/// A whole tensor file (safetensors or npy, bare or zstd) in memory, checked: for models and training sets.
public struct TensorFile: Sendable {
    /// The strings of `__metadata__`.
    public let metadata: [String: String]
    /// The tensors in the order of their bytes.
    public let entries: [TensorEntry]
    /// SHA-256 of the file's bytes, 64 lower-case hex digits.
    public let sha256: String
    /// Bytes of the file itself.
    public let fileBytes: Int

    /// Reads and checks a file.
    ///
    /// - Throws: `Failure` with `incomplete`, `unreadable`, `corrupt_zstd`, `corrupt_safetensors`, `corrupt_npy`,
    ///   `unsupported_format`, `too_large`, `not_found` or `io_error`.
    public static func read(path: String, limits: FileLimits = .commandLine) throws -> TensorFile {
        throw Failure(.internal, "not built yet")
    }

    public func entry(_ name: String) -> TensorEntry? {
        entries.first { $0.name == name }
    }

    /// The tensor as Float, row-major; F16 and BF16 are widened exactly, F64 is rounded.
    public func floats(_ name: String) throws -> [Float] {
        throw Failure(.internal, "not built yet")
    }

    /// The tensor as Int64, from any integer type.
    public func integers(_ name: String) throws -> [Int64] {
        throw Failure(.internal, "not built yet")
    }

    /// The tensor's bytes as they stand in the file.
    public func bytes(_ name: String) throws -> [UInt8] {
        throw Failure(.internal, "not built yet")
    }
}
