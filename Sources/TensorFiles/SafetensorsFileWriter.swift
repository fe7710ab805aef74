import Failures

/// Writes a safetensors file of known layout piece by piece, several tensors side by side, in bounded memory.
///
/// Nothing stands at `path` before `finish()`; without it the temporary file is removed when the writer goes.
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

    public init(path: String, tensors: [Tensor], metadata: [String: String] = [:]) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Appends elements to a tensor, converted to its float type.
    public func append(_ name: String, floats: UnsafeBufferPointer<Float>) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Appends elements to an integer tensor.
    public func append(_ name: String, integers: [some FixedWidthInteger]) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Appends little-endian bytes to a tensor.
    public func append(_ name: String, bytes: UnsafeRawBufferPointer) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Checks that every tensor is full, compresses where the path ends in `.zst`, and publishes the file.
    @discardableResult
    public func finish() throws -> WrittenFile {
        throw Failure(.internal, "not built yet")
    }
}
