import Failures
import Foundation
import Glibc

/// An HTTP server on a unix socket or a TCP port, until it is stopped. One request a connection, no bodies.
package final class HTTPListener: Sendable {
    private let descriptor: Int32
    private let mail: HTTPMail
    private let ended = DispatchSemaphore(value: 0)
    private let socketFile: String?

    /// Listens on a unix socket, in place of one that a killed service left.
    ///
    /// - Parameters:
    ///   - group: whose members may connect, besides the service's own user; where there is no such group, or the
    ///     service may not hand files to it, nobody else may. Nil for the service's own group.
    ///   - onEnd: called if it ends without having been stopped.
    package static func unix(
        _ path: String, group: String? = nil, limits: HTTPLimits = HTTPLimits(),
        onEnd: @escaping @Sendable (Failure) -> Void = { _ in },
        handler: @escaping HTTPHandler
    ) throws -> HTTPListener {
        let short = try SocketPath(path)
        unlink(path)
        guard var address = UnixAddress(short.path) else {
            throw Failure(.invalidArgument, "\(path) is no path for a socket: use another root.")
        }
        let descriptor = try open(AF_UNIX, path) { descriptor in
            guard address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else { return false }
            // Before it listens, so that nobody connects who may not.
            return admit(group, to: path)
        }
        return try HTTPListener(descriptor, limits, path, onEnd, handler)
    }

    private static func admit(_ group: String?, to path: String) -> Bool {
        if let group {
            guard let id = groupID(of: group), chown(path, uid_t.max, id) == 0 else { return chmod(path, 0o600) == 0 }
        }
        return chmod(path, 0o660) == 0
    }

    private static func groupID(of name: String) -> gid_t? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 64 << 10)
        return getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0 && found != nil ? entry.gr_gid : nil
    }

    /// Listens on HOST:PORT, HOST being a numeric address; it is the caller's to say a loopback one.
    package static func tcp(
        _ address: String, limits: HTTPLimits = HTTPLimits(), onEnd: @escaping @Sendable (Failure) -> Void = { _ in },
        handler: @escaping HTTPHandler
    ) throws -> HTTPListener {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            throw Failure(.invalidArgument, "\(address): expected HOST:PORT such as 127.0.0.1:8080.")
        }
        let host = address[..<colon].trimmingCharacters(in: ["[", "]"])
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        let descriptor: Int32
        if inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            descriptor = try open(AF_INET, address) { bind(v4, to: $0) }
        } else if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            descriptor = try open(AF_INET6, address) { bind(v6, to: $0) }
        } else {
            throw Failure(.invalidArgument, "\(host) is no numeric address: use 127.0.0.1 or [::1].")
        }
        return try HTTPListener(descriptor, limits, nil, onEnd, handler)
    }

    private static func bind<Address>(_ address: Address, to descriptor: Int32) -> Bool {
        withUnsafeBytes(of: address) { bytes in
            guard let base = bytes.baseAddress else { return false }
            return Glibc.bind(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
        }
    }

    private static func open(_ family: Int32, _ place: String, _ bind: (Int32) -> Bool) throws -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(family, Int32(kind), 0)
        guard descriptor >= 0 else { throw Failure.system("open a socket for \(place)") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor), listen(descriptor, 64) == 0 else {
            let number = errno
            close(descriptor)
            throw Failure(
                .ioError, "\(place) cannot be listened on: check its directory, or use another port.",
                cause: String(cString: strerror(number)))
        }
        return descriptor
    }

    private init(
        _ descriptor: Int32, _ limits: HTTPLimits, _ socketFile: String?,
        _ onEnd: @escaping @Sendable (Failure) -> Void, _ handler: @escaping HTTPHandler
    ) throws {
        self.descriptor = descriptor
        self.socketFile = socketFile
        let mail = try HTTPMail()
        self.mail = mail
        Thread.work("sono.http", signalling: ended) {
            var loop = HTTPLoop(listening: descriptor, limits: limits, mail: mail, handler: handler)
            let failure = loop.run()
            close(descriptor)
            if let failure {
                onEnd(Failure(.ioError, "\(socketFile ?? "the port") is no longer served: \(failure)"))
            }
        }
    }

    /// Stops listening; answers under way have a second.
    package func stop() {
        if let socketFile { unlink(socketFile) }
        mail.stop()
        ended.wait()
    }
}
