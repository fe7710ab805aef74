import Glibc

/// The address of a unix socket; a path that begins with `@` is abstract.
package struct UnixAddress {
    private var address = sockaddr_un()
    private let length: socklen_t
    /// The longest path that fits.
    static let longest = 107

    /// Nil if the path does not fit.
    package init?(_ path: String) {
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.longest, !bytes.contains(0) else { return nil }
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
    }

    package mutating func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an address has bytes") }
            return body(base.assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}
