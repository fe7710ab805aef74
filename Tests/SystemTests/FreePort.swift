import Foundation
import Testing

/// Ports of the loopback address that nobody has at present.
enum FreePort {
    static func find(_ count: Int) throws -> [Int] {
        let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { for descriptor in sockets { close(descriptor) } }
        return try sockets.map { descriptor in
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                        return nil
                    }
                    return UInt16(bigEndian: pointer.pointee.sin_port)
                }
            }
            return Int(try #require(port))
        }
    }
}
