import Failures
import Glibc

/// A file without a directory and without a disk, for decoders that open paths: the real system calls, at memory's speed.
final class MemoryFile {
    let path: String
    private let descriptor: Int32

    init() throws {
        let name = "/sono-fuzzing-\(getpid())-\(UInt64.random(in: .min ... .max))"
        descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw Failure.system("shm_open \(name)") }
        shm_unlink(name)
        path = "/proc/self/fd/\(descriptor)"
    }

    deinit { close(descriptor) }

    /// Replaces the content.
    func hold(_ bytes: [UInt8]) throws {
        guard ftruncate(descriptor, bytes.count) == 0 else { throw Failure.system("ftruncate \(path)") }
        let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else { throw Failure.system("pwrite \(path)") }
    }
}
