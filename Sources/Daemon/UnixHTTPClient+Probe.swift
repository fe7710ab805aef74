import Foundation
import Glibc

extension UnixHTTPClient {
    /// What a socket does with a question.
    enum Probe {
        case answered
        /// The connection was taken, or waits to be, and no answer came within the time limit.
        case silent
        /// There was no connection, for this errno.
        case refused(Int32)
    }

    /// Asks only to learn whether somebody answers.
    func probe(_ target: String) -> Probe {
        guard let short = try? SocketPath(path), var address = UnixAddress(short.path) else { return .refused(ENOENT) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .refused(errno) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            // A full queue of connections that nobody takes.
            return errno == EAGAIN ? .silent : .refused(errno)
        }
        return (try? send("GET", target)) == nil ? .silent : .answered
    }
}
