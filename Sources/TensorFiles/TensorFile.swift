import Failures

/// A whole tensor file (safetensors or npy, bare or zstd) in memory, checked: for models and training sets.
public struct TensorFile: Sendable {
    /// The strings of `__metadata__`.
    public let metadata: [String: String]
    /// The tensors in the order of their bytes; an npy has one, `embeddings`.
    public let entries: [TensorEntry]
    /// SHA-256 of the file's bytes, 64 lower-case hex digits.
    public let sha256: String
    /// Bytes of the file itself.
    public let fileBytes: Int
    /// Nil for a bare file.
    public let checksum: FrameChecksum?
    /// Whether the content is a NumPy array rather than safetensors.
    public let isNpy: Bool

    private let path: String
    private let payload: [UInt8]

    /// Reads and checks a file.
    ///
    /// - Throws: `Failure` with `incomplete`, `unreadable`, `corrupt_zstd`, `corrupt_safetensors`, `corrupt_npy`,
    ///   `unsupported_format`, `too_large`, `not_found` or `io_error`.
    public static func read(path: String, limits: FileLimits = .commandLine) throws -> TensorFile {
        try TensorFile(TensorReader(path: path, limits: limits))
    }

    private init(_ reader: TensorReader) throws {
        let header = reader.header
        // Pages are touched only as bytes arrive, so a small file that promises much costs little.
        payload = try [UInt8](unsafeUninitializedCapacity: header.payloadBytes) { buffer, filled in
            try reader.read(into: UnsafeMutableRawBufferPointer(buffer))
            filled = header.payloadBytes
        }
        let summary = try reader.finish()
        path = reader.file.path
        metadata = header.metadata
        entries = header.entries
        isNpy = header.format == .npy
        sha256 = summary.sha256
        fileBytes = summary.fileBytes
        checksum = summary.checksum
    }

    public func entry(_ name: String) -> TensorEntry? {
        entries.first { $0.name == name }
    }

    /// The tensor as Float, row-major; F16 and BF16 are widened exactly, F64 is rounded.
    public func floats(_ name: String) throws -> [Float] {
        let entry = try required(name)
        guard entry.type.isFloat else { throw wrongType(entry, "a float type") }
        return [Float](unsafeUninitializedCapacity: entry.count) { buffer, filled in
            withBytes(of: entry) { bytes in
                Widening.widen(bytes, entry.type, into: UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count]))
            }
            filled = entry.count
        }
    }

    /// The tensor as Int64, from any integer type.
    public func integers(_ name: String) throws -> [Int64] {
        let entry = try required(name)
        guard entry.type.isInteger else { throw wrongType(entry, "an integer type") }
        return try withBytes(of: entry) { try IntegerElements.decode($0, entry) }
    }

    /// The tensor's bytes as they stand in the file.
    public func bytes(_ name: String) throws -> [UInt8] {
        Array(payload[try required(name).span])
    }

    private func withBytes<R>(of entry: TensorEntry, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try payload.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[entry.span])) }
    }

    private func required(_ name: String) throws -> TensorEntry {
        guard let entry = entry(name) else {
            throw Failure(.corruptSafetensors, "\(path) has no tensor \(name): write it with that tensor.")
        }
        return entry
    }

    private func wrongType(_ entry: TensorEntry, _ wanted: String) -> Failure {
        Failure(
            .corruptSafetensors,
            "\(path): tensor \(entry.name) is \(ForeignText.quoted(entry.typeName)), expected \(wanted).")
    }
}
