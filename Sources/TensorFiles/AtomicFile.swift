import Failures

/// A file that appears under its name whole and durable, or not at all.
///
/// Written under a temporary name in the same directory; `publish()` fsyncs it, renames it and fsyncs the directory.
/// Without `publish()` the temporary file is removed when the value goes.
public final class AtomicFile {
    public let path: String

    public init(path: String, mode: UInt32 = 0o644) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Appends at the end of what was written so far.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Writes at an offset.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        throw Failure(.internal, "not built yet")
    }

    public func publish() throws {
        throw Failure(.internal, "not built yet")
    }

    /// Writes a whole file atomically.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        throw Failure(.internal, "not built yet")
    }

    /// Whether a directory entry is a temporary file that a crash left behind.
    public static func isTemporary(_ name: String) -> Bool {
        name.hasPrefix(".sono-") && name.hasSuffix(".tmp")
    }
}
