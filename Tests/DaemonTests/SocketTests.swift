import Daemon
import Failures
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("the service's sockets", .serialized)
struct SocketTests {
    @Test("an endless line is cut off with 431 on the status socket, the control socket and the port alike")
    func headLimit() throws {
        let root = try Root()
        let port = try freePort()
        let service = try root.start { $0.http = "127.0.0.1:\(port)" }
        defer { service.stop() }
        let endless = String(repeating: "x", count: 17 << 10)
        for socket in [root.paths.statusSocket, root.paths.controlSocket] {
            let client = try RawClient(path: socket)
            try client.send(endless)
            #expect(try client.answer().hasPrefix("HTTP/1.1 431 "))
        }
        let client = try RawClient(port: port)
        try client.send(endless)
        #expect(try client.answer().hasPrefix("HTTP/1.1 431 "))
        let good = try RawClient(port: port)
        try good.send("GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try good.answer().hasSuffix("\r\n\r\nready\n"))
    }

    @Test("whether the service lives and is ready is answered while long answers are made")
    func health() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        try root.drop(10_000, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let clients = try (0..<40).map { _ in try RawClient(path: root.paths.statusSocket) }
        for client in clients { try client.send("GET /v1/results?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        for path in ["live", "ready"] { #expect(try root.get("/health/\(path)").body == "\(path)\n") }
        #expect(clients.last?.isReadable == false)
        for client in clients { #expect(try client.answer().hasPrefix("HTTP/1.1 200 ")) }
    }

    @Test("64 clients that dribble hold up whether the service lives for the 5 s they are given, and no longer")
    func dribble() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let slow = try (0..<64).map { _ in try RawClient(path: root.paths.statusSocket) }
        let client = UnixHTTPClient(path: root.paths.statusSocket)
        let answer = Mutex<String?>(nil)
        Thread.detachNewThread {
            let body = (try? client.send("GET", "/health/live").body).map { String(decoding: $0, as: UTF8.self) }
            answer.withLock { $0 = body ?? "none" }
        }
        let began = Date()
        while answer.withLock({ $0 }) == nil {
            for client in slow { client.poke() }
            usleep(50_000)
        }
        #expect(answer.withLock { $0 } == "live\n")
        #expect(Date().timeIntervalSince(began) < 8)
    }

    @Test("of more clients than can be answered soon the last are told to come again, and the service's health is told")
    func crowd() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        try root.drop(10_000, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let clients = try (0..<63).map { _ in try RawClient(path: root.paths.statusSocket) }
        for client in clients { try client.send("GET /v1/results?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        #expect(try root.get("/health/live").body == "live\n")
        try eventually("the last ones are sent away") { clients.suffix(15).allSatisfy(\.isReadable) }
        let answers = try clients.map { try $0.answer() }
        let (served, sentAway) = (
            answers.filter { $0.hasPrefix("HTTP/1.1 200 ") }, answers.filter { $0.hasPrefix("HTTP/1.1 503 ") }
        )
        #expect(served.count + sentAway.count == 63 && served.count >= 48 && !sentAway.isEmpty)
        #expect(sentAway.allSatisfy { $0.contains("\r\nRetry-After: 1\r\n") })
    }

    @Test("a service one of whose sockets is no longer served ends with io_error", arguments: ["status", "control"])
    func listenerFault(name: String) throws {
        let root = try Root()
        let ended = DispatchSemaphore(value: 0)
        let service = try root.start(onFault: { ended.signal() })
        let client = try RawClient(path: "\(root.paths.run)/\(name).sock")
        try shutDownListener(at: "\(root.paths.run)/\(name).sock")
        // Wakes the listener, unless it has noticed by itself.
        client.poke()
        ended.wait()
        #expect(service.stop()?.code == .ioError)
    }

    @Test("the status socket is its group's; the control socket is the admins', and nobody's where there are none")
    func access() throws {
        let root = try Root()
        // Any group that we may hand files to: for root one that is not its own.
        let admins = getuid() == 0 ? "daemon" : String(cString: try #require(getgrgid(getgid())).pointee.gr_name)
        let group = try #require(getgrnam(admins)).pointee.gr_gid
        var service = try root.start { $0.adminGroup = admins }
        var status = stat()
        try #require(stat(root.paths.controlSocket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660 && status.st_gid == group)
        try #require(stat(root.paths.statusSocket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660 && status.st_gid == getgid())
        service.stop()

        service = try root.start { $0.adminGroup = "no-such-group" }
        defer { service.stop() }
        try #require(stat(root.paths.controlSocket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    private func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }
}
