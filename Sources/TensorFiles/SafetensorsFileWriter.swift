import Failures

/// Writes a safetensors file of known layout piece by piece, several tensors side by side, in bounded memory.
///
/// Pieces go straight to their places in a temporary file. Nothing stands at `path` before `finish()`; without it the
/// temporary file is removed when the writer goes. A path that ends in `.zst` is compressed at the end, in one pass, which
/// for that time needs the disk space of both.
public final class SafetensorsFileWriter {
    public struct Tensor: Sendable {
        public let name: String
        public let type: ElementType
        public let shape: [Int]

        public init(_ name: String, _ type: ElementType, shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }
    }

    private let layout: SafetensorsLayout
    private let staged: AtomicFile
    private var filled: [String: Int] = [:]

    public init(path: String, tensors: [Tensor], metadata: [String: String] = [:]) throws {
        layout = try SafetensorsLayout(tensors.map { ($0.name, $0.type, $0.shape) }, metadata: metadata)
        staged = try AtomicFile(path: path)
        try layout.header.withUnsafeBytes { try staged.write($0, at: 0) }
    }

    /// Appends elements to a tensor, converted to its float type.
    public func append(_ name: String, floats: UnsafeBufferPointer<Float>) throws {
        let type = try layout.entry(name).type
        if type == .float32 {
            try append(name, bytes: UnsafeRawBufferPointer(floats))
        } else {
            try Widening.narrow(floats, type).withUnsafeBytes { try append(name, bytes: $0) }
        }
    }

    /// Appends elements to an integer tensor.
    public func append(_ name: String, integers: [some FixedWidthInteger]) throws {
        let type = try layout.entry(name).type
        try IntegerElements.encode(integers, type).withUnsafeBytes { try append(name, bytes: $0) }
    }

    /// Appends little-endian bytes to a tensor.
    ///
    /// - Throws: `invalid_argument` where the tensor would overflow; `no_space` or `io_error`.
    public func append(_ name: String, bytes: UnsafeRawBufferPointer) throws {
        let entry = try layout.entry(name)
        let done = filled[name, default: 0]
        guard done + bytes.count <= entry.span.count else {
            throw Failure(.invalidArgument, "tensor \(name) got more than its \(entry.span.count) bytes.")
        }
        try staged.write(bytes, at: layout.header.count + entry.span.lowerBound + done)
        filled[name] = done + bytes.count
    }

    /// Checks that every tensor is full, compresses where the path ends in `.zst`, and publishes the file.
    @discardableResult
    public func finish() throws -> WrittenFile {
        for entry in layout.entries where filled[entry.name, default: 0] != entry.span.count {
            throw Failure(
                .invalidArgument,
                "tensor \(entry.name) got \(filled[entry.name, default: 0]) of its \(entry.span.count) bytes.")
        }
        if staged.path.hasSuffix(".zst") {
            let output = try HashedOutput(path: staged.path, contentSize: layout.totalBytes)
            try forEachStagedPiece { try output.write($0) }
            staged.discard()
            return try output.finish()
        }
        let hash = RunningHash()
        try forEachStagedPiece { hash.update($0) }
        try staged.publish()
        return WrittenFile(path: staged.path, sha256: hash.finish(), bytes: layout.totalBytes)
    }

    private func forEachStagedPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 64) { buffer in
            var offset = 0
            while offset < layout.totalBytes {
                let count = try staged.read(into: buffer, at: offset)
                guard count > 0 else {
                    throw Failure(.ioError, "\(staged.path) lost its staged bytes: check the disk and try again.")
                }
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                offset += count
            }
        }
    }
}
