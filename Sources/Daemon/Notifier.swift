import Foundation
import Glibc

/// Tells systemd how the service is doing (`sd_notify`); does nothing where `NOTIFY_SOCKET` is not set.
package struct Notifier: Sendable {
    private let path: String?
    /// How often systemd wants to hear from us; nil without a watchdog for this process.
    package let watchdog: Duration?

    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        path = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isOurs = environment["WATCHDOG_PID"].map { $0 == String(getpid()) } ?? true
        watchdog = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
            .flatMap { isOurs && $0 > 0 ? .microseconds($0) : nil }
    }

    package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }

    package func status(_ text: String) { send("STATUS=\(text)") }

    package func alive() { send("WATCHDOG=1") }

    package func stopping() { send("STOPPING=1\nSTATUS=stopping") }

    /// Asks for more time while starting or stopping.
    package func extendTimeout(by time: Duration) { send("EXTEND_TIMEOUT_USEC=\(time.components.seconds * 1_000_000)") }

    /// To be followed by `ready`.
    package func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000)")
    }

    private func send(_ message: String) {
        guard let path, var address = UnixAddress(path) else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        address.withSockaddr { pointer, length in
            _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length)
        }
    }
}
