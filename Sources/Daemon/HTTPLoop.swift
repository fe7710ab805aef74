import CLinux
import Failures
import Foundation
import Glibc
import Spooling
import Synchronization

/// All connections of one listener, on one thread: memory, descriptors and time are bounded by `HTTPLimits`.
struct HTTPLoop {
    private static let lastWords = Duration.seconds(1)

    let listening: Int32
    let limits: HTTPLimits
    let mail: HTTPMail
    let handler: HTTPHandler

    private var connections: [UInt64: HTTPConnection] = [:]
    private var nextID: UInt64 = 0
    /// Until when no connection is accepted, for want of descriptors or memory.
    private var pausedUntil: Monotonic.Instant?
    private var endBy: Monotonic.Instant?

    init(listening: Int32, limits: HTTPLimits, mail: HTTPMail, handler: @escaping HTTPHandler) {
        self.listening = listening
        self.limits = limits
        self.mail = mail
        self.handler = handler
    }

    /// Serves until it is asked to stop.
    ///
    /// - Returns: why it ended by itself; nil if it was asked to.
    mutating func run() -> Failure? {
        defer { for connection in connections.values { close(connection.descriptor) } }
        while true {
            do {
                try turn()
            } catch {
                return error as? Failure ?? Failure(.internal, "\(error)")
            }
            if let endBy, connections.isEmpty || endBy <= Monotonic.now { return nil }
        }
    }

    private mutating func turn() throws {
        let now = Monotonic.now
        if let paused = pausedUntil, paused <= now { pausedUntil = nil }
        let mayAccept = connections.count < limits.connections && pausedUntil == nil && endBy == nil
        let asked = connections.compactMap { id, connection in connection.events.map { (id, connection, $0) } }
        var entries = [
            pollfd(fd: mail.descriptor, events: Int16(POLLIN), revents: 0),
            // Entries with a negative descriptor are passed over.
            pollfd(fd: mayAccept ? listening : -1, events: Int16(POLLIN), revents: 0),
        ]
        entries += asked.map { pollfd(fd: $1.descriptor, events: Int16($2), revents: 0) }
        let deadlines = connections.values.compactMap(\.deadline) + [pausedUntil, endBy].compactMap { $0 }
        guard poll(&entries, nfds_t(entries.count), Self.milliseconds(until: deadlines.min(), from: now)) >= 0 else {
            guard errno == EINTR else { throw Failure.system("poll the clients") }
            return
        }
        if entries[0].revents != 0 { takeMail() }
        let later = Monotonic.now
        for (entry, (id, connection, _)) in zip(entries.dropFirst(2), asked)
        where entry.revents != 0 || (connection.deadline.map { $0 <= later } ?? false) {
            advance(id) { $0.proceed(at: later) }
        }
        let news = Int32(entries[1].revents)
        // accept(2) says no more than "try again" of a socket that was shut down.
        guard news & (POLLHUP | POLLERR | POLLNVAL) == 0 else {
            throw Failure(.ioError, "the listening socket was shut down: start the service again.")
        }
        if news != 0 { try accept() }
    }

    /// Rounded up, so that what is due is due when poll(2) returns. A minute at most: the kernel does not tell a
    /// sleeper of a listening socket that was shut down.
    private static func milliseconds(until deadline: Monotonic.Instant?, from now: Monotonic.Instant) -> Int32 {
        guard let deadline else { return 60_000 }
        return Int32(max(0, min(60_000, (deadline - now) / .milliseconds(1))).rounded(.up))
    }

    private mutating func advance(_ id: UInt64, _ body: (inout HTTPConnection) -> HTTPConnection.Step) {
        guard var connection = connections[id] else { return }
        let step = body(&connection)
        connections[id] = connection
        switch step {
        case .wait: break
        case .request(let request): handler(request) { [mail] in mail.post($0, to: id) }
        case .end:
            close(connection.descriptor)
            connections[id] = nil
        }
    }

    private mutating func takeMail() {
        let (answers, isStopping) = mail.take()
        for (id, response) in answers { advance(id) { $0.answer(response) } }
        guard isStopping, endBy == nil else { return }
        endBy = Monotonic.now + Self.lastWords
        for (id, connection) in connections where !connection.isOwed {
            close(connection.descriptor)
            connections[id] = nil
        }
    }

    private mutating func accept() throws {
        while connections.count < limits.connections {
            // A process that is started meanwhile must not hold the connection open.
            let descriptor = accept4(listening, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
            if descriptor >= 0 {
                connections[nextID] = HTTPConnection(descriptor: descriptor, limits: limits)
                nextID += 1
                continue
            }
            switch errno {
            case EBADF, EFAULT, EINVAL, ENOTSOCK, EOPNOTSUPP: throw Failure.system("accept a client")
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: pausedUntil = Monotonic.now + .seconds(1)
            // The client is gone already, or the network had a word about it: no fault of the listener.
            default: break
            }
            return
        }
    }
}

/// Answers a request, from whatever thread, by calling `reply` once.
package typealias HTTPHandler =
    @Sendable (_ request: HTTPRequest, _ reply: @escaping @Sendable (HTTPResponse) -> Void) -> Void

/// What other threads have for a loop: answers, and the wish that it end. `descriptor` is readable when there is any.
final class HTTPMail: Sendable {
    let descriptor: Int32
    private let state = Mutex<(answers: [(UInt64, HTTPResponse)], isStopping: Bool)>(([], false))

    init() throws {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw Failure.system("create an event descriptor") }
    }

    deinit { close(descriptor) }

    func post(_ response: HTTPResponse, to id: UInt64) {
        state.withLock { $0.answers.append((id, response)) }
        eventfd_write(descriptor, 1)
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        eventfd_write(descriptor, 1)
    }

    func take() -> (answers: [(UInt64, HTTPResponse)], isStopping: Bool) {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
        return state.withLock { state in
            defer { state.answers = [] }
            return state
        }
    }
}
