import Failures
import Glibc

/// An untrusted regular file, opened once and read by `pread`: never mapped, since its producer may truncate it under us.
package final class InputFile: Sendable {
    /// What messages call it.
    package let path: String
    package let size: Int
    private let descriptor: Int32
    private let modified: [Int]

    /// - Throws: `not_found`, `unreadable`, `unsupported_format` (not a regular file), `too_large`, `io_error`.
    /// - Parameter name: what messages call it, if not by its path.
    package init(path: String, name: String? = nil, limits: FileLimits) throws {
        let follow = limits.followsSymbolicLinks ? 0 : O_NOFOLLOW
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow)
        guard descriptor >= 0 else { throw Self.openFailure(path, name ?? path, errno) }
        self.descriptor = descriptor
        let path = name ?? path
        self.path = path
        do {
            let status = try Self.status(descriptor, path)
            try Self.requireRegular(status, path)
            size = Int(status.st_size)
            modified = Self.stamp(status)
        } catch {
            close(descriptor)
            throw error
        }
        if size > limits.fileBytes {
            throw Failure(
                .tooLarge,
                "\(path) has \(size) bytes, the limit is \(limits.fileBytes): split it or raise limits.batch_bytes.")
        }
    }

    deinit { close(descriptor) }

    /// Reads up to `buffer.count` bytes at an offset, fewer only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure.system("read \(path)")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Whether size or modification time are no longer what they were at opening: someone is writing.
    package func hasChanged() throws -> Bool {
        let status = try Self.status(descriptor, path)
        return Int(status.st_size) != size || Self.stamp(status) != modified
    }

    private static func status(_ descriptor: Int32, _ path: String) throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure.system("fstat \(path)") }
        return status
    }

    private static func stamp(_ status: stat) -> [Int] {
        [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }

    private static func requireRegular(_ status: stat, _ path: String) throws {
        let kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: ""
            case S_IFDIR: "a directory"
            case S_IFIFO: "a FIFO"
            case S_IFCHR, S_IFBLK: "a device"
            case S_IFSOCK: "a socket"
            default: "not a file"
            }
        if !kind.isEmpty { throw notRegular(path, kind) }
    }

    private static func notRegular(_ path: String, _ kind: String) -> Failure {
        Failure(.unsupportedFormat, "\(path) is \(kind), not a regular file: put the file itself there.")
    }

    private static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    private static func openFailure(_ place: String, _ path: String, _ number: Int32) -> Failure {
        let cause = String(cString: strerror(number))
        switch number {
        case ENOENT, ENOTDIR:
            return Failure(.notFound, "\(path) does not exist: check the name.", cause: cause)
        case ELOOP:
            return notRegular(path, "a symbolic link")
        case ENXIO:
            return notRegular(path, "a socket or FIFO")
        case EACCES where access(directory(of: place), X_OK) != 0:
            return Failure(
                .unreadable,
                "\(path) may not be reached: open the directories above it (`chmod a+x`) or put it elsewhere.",
                cause: cause)
        case EACCES, EPERM:
            return Failure(
                .unreadable, "\(path) may not be read: run `chmod a+r` on it, or let its owner do so.", cause: cause)
        default:
            return Failure.system("open \(path)", errno: number)
        }
    }
}
