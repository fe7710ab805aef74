import Daemon
import Failures
import Foundation
import Glibc
import Pipelines
import Synchronization
import TestSupport
import Testing

@Suite("HTTP limits")
struct HTTPListenerTests {
    /// A listener that answers every request at once.
    private func listener(
        _ scratch: Scratch, limits: HTTPLimits = HTTPLimits(), onEnd: @escaping @Sendable (Failure) -> Void = { _ in }
    ) throws -> HTTPListener {
        try HTTPListener.unix(scratch("s.sock"), limits: limits, onEnd: onEnd) { request, reply in
            let query = request.query.map { "\($0.name)=\($0.value)" }
            reply(.text((["\(request.method)"] + request.parts + query).joined(separator: "|")))
        }
    }

    @Test("paths and queries come without their escapes; HEAD has the length and no body")
    func request() throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let get = try RawClient(path: scratch("s.sock"))
        try get.send("GET /v1//jobs/a%2Fb?x=1%202&y HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try get.answer().hasSuffix("\r\n\r\nGET|v1|jobs|a/b|x=1 2|y="))
        let head = try RawClient(path: scratch("s.sock"))
        try head.send("HEAD / HTTP/1.0\n\n")
        let answer = try head.answer()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 4\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test("a head in small pieces is put together, and what follows it is thrown away")
    func pieces() throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let client = try RawClient(path: scratch("s.sock"))
        for piece in [
            "PO", "ST /x HT", "TP/1.1\r", "\nHost: so", "no\r", "\n\r", "\n" + String(repeating: "body", count: 10_000),
        ] {
            try client.send(piece)
            usleep(5_000)
        }
        #expect(try client.answer().hasSuffix("POST|x"))
    }

    @Test(
        "what is no request is answered with 400",
        arguments: [
            "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2\r\nHost: sono\r\n\r\n", "GET / x HTTP/1.1\r\nHost: sono\r\n\r\n",
            "\u{16}\u{3}\n\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: sono\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: sono\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost : sono\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: sono\r\nno field\r\n\r\n",
        ])
    func malformed(text: String) throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let client = try RawClient(path: scratch("s.sock"))
        try client.send(text)
        #expect(try client.answer().hasPrefix("HTTP/1.1 400 "))
    }

    @Test(
        "who asks for this machine or for an address is answered, with or without a port, and who says no host of HTTP/1.0",
        arguments: [
            "GET / HTTP/1.1\r\nHost: localhost:7666", "GET / HTTP/1.1\r\nHOST:127.0.0.1",
            "GET / HTTP/1.1\r\nHost: [::1]:80",
            "GET / HTTP/1.1\r\nHost: SONO", "GET / HTTP/1.1\r\nHost: 192.0.2.7:8080", "GET / HTTP/1.1\r\nHost:",
            "GET http://localhost/ HTTP/1.1\r\nHost: localhost", "GET / HTTP/1.0",
        ])
    func ownHost(head: String) throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let client = try RawClient(path: scratch("s.sock"))
        try client.send("\(head)\r\n\r\n")
        #expect(try client.answer().hasSuffix("\r\n\r\nGET"))
    }

    @Test(
        "who asks for another name is sent away with 421: a page from elsewhere that had its name point here reads nothing",
        arguments: [
            "GET / HTTP/1.1\r\nHost: attacker.example", "GET / HTTP/1.1\r\nHost: localhost.attacker.example:7666",
            "GET / HTTP/1.1\r\nHost: 127.0.0.1.attacker.example",
            "GET http://attacker.example/ HTTP/1.1\r\nHost: localhost",
            "GET / HTTP/1.0\r\nHost: attacker.example", "GET / HTTP/1.1\r\nHost: [attacker.example]",
        ])
    func foreignHost(head: String) throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let client = try RawClient(path: scratch("s.sock"))
        try client.send("\(head)\r\n\r\n")
        let answer = try client.answer()
        #expect(answer.hasPrefix("HTTP/1.1 421 ") && answer.contains("Host: localhost"))
    }

    @Test("a head of 16 KiB is taken, a longer one is answered with 431 before it ends")
    func headLimit() throws {
        let scratch = try Scratch()
        let listener = try listener(scratch)
        defer { listener.stop() }
        let frame = "GET / HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n"
        let whole = try RawClient(path: scratch("s.sock"))
        try whole.send(
            frame.replacing("X: ", with: "X: " + String(repeating: "x", count: (16 << 10) - frame.utf8.count)))
        #expect(try whole.answer().hasPrefix("HTTP/1.1 200 "))
        let endless = try RawClient(path: scratch("s.sock"))
        try endless.send(String(repeating: "x", count: 17 << 10))
        #expect(try endless.answer().hasPrefix("HTTP/1.1 431 "))
    }

    @Test("who does not send a whole request in time is let go")
    func readingLimit() throws {
        let scratch = try Scratch()
        var limits = HTTPLimits()
        limits.reading = .milliseconds(100)
        let listener = try listener(scratch, limits: limits)
        defer { listener.stop() }
        let silent = try RawClient(path: scratch("s.sock"))
        #expect(try silent.answer() == "")
        let slow = try RawClient(path: scratch("s.sock"))
        try slow.send("GET / HT")
        #expect(try slow.answer().hasPrefix("HTTP/1.1 408 "))
    }

    @Test("who does not take the answer in time is let go")
    func writingLimit() throws {
        let scratch = try Scratch()
        var limits = HTTPLimits()
        limits.writing = .milliseconds(100)
        let listener = try HTTPListener.unix(scratch("s.sock"), limits: limits) { _, reply in
            reply(.text(String(repeating: "x", count: 8 << 20)))
        }
        defer { listener.stop() }
        let client = try RawClient(path: scratch("s.sock"))
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("the service hangs up") { client.isHungUp }
        #expect(try client.answer().utf8.count < 8 << 20)
    }

    @Test("64 connections are served at a time; one more waits until another ends")
    func connectionLimit() throws {
        let scratch = try Scratch()
        var limits = HTTPLimits()
        limits.reading = .seconds(600)
        let listener = try listener(scratch, limits: limits)
        defer { listener.stop() }
        var idle = try (0..<64).map { _ in try RawClient(path: scratch("s.sock")) }
        let next = try RawClient(path: scratch("s.sock"))
        try next.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        usleep(200_000)
        #expect(!next.isReadable)
        idle.removeLast()
        #expect(try next.answer().hasPrefix("HTTP/1.1 200 "))
    }

    @Test("a listener whose socket is shut down under it says so")
    func ended() throws {
        let scratch = try Scratch()
        let failure = Mutex<Failure?>(nil)
        let listener = try listener(scratch) { end in failure.withLock { $0 = end } }
        // Something has to happen for a sleeping listener to see it; by itself it would within a minute.
        let client = try RawClient(path: scratch("s.sock"))
        try shutDownListener(at: scratch("s.sock"))
        client.poke()
        try eventually("it is told") { failure.withLock { $0 } != nil }
        #expect(failure.withLock { $0?.message.contains("s.sock") } == true)
        listener.stop()
    }
}

/// Ends the listening socket of this process that is bound to a path, as a fault of the kernel or of ours would.
func shutDownListener(at path: String) throws {
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
    let listening = descriptors.filter { descriptor in
        var (isListening, size): (Int32, socklen_t) = (0, 4)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening == 1 else {
            return false
        }
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let named = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        let name = withUnsafeBytes(of: address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return named == 0 && name == path
    }
    #expect(listening.count == 1)
    for descriptor in listening { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
