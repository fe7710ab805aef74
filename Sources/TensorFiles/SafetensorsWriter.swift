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
    private let metadata: [String: String]
    private var tensors: [(name: String, type: ElementType, shape: [Int])] = []
    private var contents: [String: [UInt8]] = [:]

    public init(metadata: [String: String] = [:]) {
        self.metadata = metadata
    }

    /// Adds a tensor of floats, stored as `type` (F16 and BF16 round to nearest even).
    public mutating func add(
        _ name: String, shape: [Int], floats: [Float], as type: ElementType = .float32
    ) throws {
        try add(name, shape: shape, bytes: floats.withUnsafeBufferPointer { try Widening.narrow($0, type) }, as: type)
    }

    /// Adds a tensor of integers, stored as `type`.
    ///
    /// - Throws: `invalid_argument` where a number does not fit.
    public mutating func add(
        _ name: String, shape: [Int], integers: [some FixedWidthInteger], as type: ElementType
    ) throws {
        try add(name, shape: shape, bytes: IntegerElements.encode(integers, type), as: type)
    }

    /// Adds a tensor whose bytes are already little-endian elements of `type`.
    public mutating func add(_ name: String, shape: [Int], bytes: [UInt8], as type: ElementType) throws {
        guard TensorHeader.byteCount(shape, size: type.size) == bytes.count else {
            throw Failure(.invalidArgument, "tensor \(name) of shape \(shape) does not fit its \(bytes.count) bytes.")
        }
        tensors.append((name, type, shape))
        contents[name] = bytes
    }

    /// The bare file.
    public func encoded() throws -> [UInt8] {
        let layout = try SafetensorsLayout(tensors, metadata: metadata)
        var file = layout.header
        file.reserveCapacity(layout.totalBytes)
        for entry in layout.entries { file.append(contentsOf: contents[entry.name] ?? []) }
        return file
    }

    /// Writes to a temporary name, fsyncs, renames over `path` and fsyncs the directory.
    @discardableResult
    public func write(to path: String) throws -> WrittenFile {
        let layout = try SafetensorsLayout(tensors, metadata: metadata)
        let output = try HashedOutput(path: path, contentSize: layout.totalBytes)
        try layout.header.withUnsafeBytes { try output.write($0) }
        for entry in layout.entries {
            try contents[entry.name]?.withUnsafeBytes { try output.write($0) }
        }
        return try output.finish()
    }
}
