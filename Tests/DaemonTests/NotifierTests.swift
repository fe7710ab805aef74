import Daemon
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("words to systemd")
struct NotifierTests {
    /// A datagram socket as systemd has one.
    private func listener(_ path: String) throws -> Int32 {
        var address = try #require(UnixAddress(path))
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(address.withSockaddr { bind(descriptor, $0, $1) } == 0)
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    private func receive(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("are one datagram each, to a path or an abstract name", arguments: ["path", "@sono-test-\(getpid())"])
    func datagrams(kind: String) throws {
        let scratch = try Scratch()
        let path = kind == "path" ? scratch("notify") : kind
        let descriptor = try listener(path)
        defer { close(descriptor) }
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": path])
        notifier.ready("ready: 0 waiting")
        #expect(receive(descriptor) == "READY=1\nSTATUS=ready: 0 waiting")
        notifier.reloading()
        #expect(receive(descriptor).hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        notifier.alive()
        #expect(receive(descriptor) == "WATCHDOG=1")
        notifier.stopping()
        #expect(receive(descriptor).hasPrefix("STOPPING=1"))
    }

    @Test("the watchdog is ours only if it names this process")
    func watchdog() {
        let pid = String(getpid())
        #expect(Notifier(environment: ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": pid]).watchdog == .seconds(3))
        #expect(Notifier(environment: ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]).watchdog == nil)
        #expect(Notifier(environment: [:]).watchdog == nil)
    }

    @Test("a watchdog beats while hearts rest or beat, and not while one hangs")
    func hearts() {
        let heart = Heartbeat()
        #expect(!heart.isStuck(for: .zero))
        heart.beat()
        usleep(2_000)
        #expect(heart.isStuck(for: .milliseconds(1)))
        #expect(!heart.isStuck(for: .seconds(60)))
        heart.rest()
        #expect(!heart.isStuck(for: .zero))
    }

    @Test("log lines have journald's priority and never break in two")
    func logLines() {
        let journal = JournalLogHandler(level: .info, isJournal: true)
        #expect(
            journal.line(.error, "a\nb\r\u{1B}[2J", ["job": "3\u{85}"]) == "<3>a\\x0Ab\\x0D\\x1B[2J job=3\\xC2\\x85\n"
        )
        #expect(journal.line(.info, "done", nil) == "<6>done\n")
        #expect(JournalLogHandler(level: .info, isJournal: false).line(.warning, "x", nil).hasSuffix(" warning x\n"))
    }
}
