import Crypto
import Failures

/// Content on its way into a file that appears whole: compressed where the path ends in `.zst`, hashed as written.
final class HashedOutput {
    private let file: AtomicFile
    private var encoder: ZstdEncoder?
    private let hash = RunningHash()

    /// - Parameter contentSize: bytes that will be written, before compression.
    init(path: String, contentSize: Int) throws {
        let file = try AtomicFile(path: path)
        self.file = file
        if path.hasSuffix(".zst") {
            encoder = try ZstdEncoder(contentSize: contentSize) { [hash] bytes in
                hash.update(bytes)
                try file.write(bytes)
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let encoder {
            try encoder.write(bytes)
        } else {
            hash.update(bytes)
            try file.write(bytes)
        }
    }

    func finish() throws -> WrittenFile {
        try encoder?.finish()
        try file.publish()
        return WrittenFile(path: file.path, sha256: hash.finish(), bytes: file.length)
    }
}

/// SHA-256 shared by the two ways that bytes take.
final class RunningHash {
    private var hasher = SHA256()

    func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    func finish() -> String { hasher.finalize().hex }
}
