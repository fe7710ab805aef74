import Failures
import Glibc

/// A way to name a unix socket that is short enough for the kernel (107 bytes), however deep its directory lies.
final class SocketPath: Sendable {
    /// The path itself, or the same file by way of an open descriptor of its directory.
    let path: String
    private let directory: Int32?

    init(_ full: String) throws {
        guard full.utf8.count > 100, let slash = full.lastIndex(of: "/") else {
            path = full
            directory = nil
            return
        }
        let descriptor = open(String(full[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure.system("open \(full[..<slash])") }
        directory = descriptor
        path = "/proc/self/fd/\(descriptor)\(full[slash...])"
    }

    deinit {
        if let directory { close(directory) }
    }
}
