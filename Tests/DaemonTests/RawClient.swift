import Daemon
import Foundation
import Glibc
import Testing

/// A client that sends what it likes.
final class RawClient {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = try #require(UnixAddress(path))
        try #require(address.withSockaddr { connect(descriptor, $0, $1) } == 0)
    }

    /// To 127.0.0.1.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let connected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0)
            sent += count
        }
    }

    /// One byte, unless the other side has ended the connection.
    func poke() {
        var byte = UInt8(ascii: "x")
        _ = Glibc.send(descriptor, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    /// All that comes until the other side ends the connection.
    func answer() throws -> String {
        var answer = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            try #require(count >= 0, "\(String(cString: strerror(errno)))")
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            answer += buffer[..<count]
        }
    }

    /// Whether something has come, or the other side has ended the connection.
    var isReadable: Bool { has(POLLIN) }

    var isHungUp: Bool { has(POLLHUP) }

    private func has(_ event: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0 && Int32(entry.revents) & event != 0
    }
}
