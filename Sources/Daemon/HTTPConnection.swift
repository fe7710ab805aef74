import Foundation
import Glibc
import Spooling

/// One connection's life: a request's head comes in, an answer goes out, and it ends. It never blocks.
struct HTTPConnection {
    enum Phase {
        case reading([UInt8])
        /// A route works on it.
        case answering
        case writing(Data)
        /// All is said. What the client still sends is thrown away: closed over unread bytes, the kernel would tell
        /// the client of a broken connection instead of the answer.
        case draining
    }

    enum Step {
        case wait
        case request(HTTPRequest)
        case end
    }

    let descriptor: Int32
    private(set) var phase = Phase.reading([])
    private(set) var deadline: Monotonic.Instant?
    private var wantsBody = true
    private let limits: HTTPLimits

    init(descriptor: Int32, limits: HTTPLimits) {
        self.descriptor = descriptor
        self.limits = limits
        deadline = Monotonic.now + limits.reading
    }

    /// What to ask poll(2) for; nil while a route works.
    var events: Int32? {
        switch phase {
        case .reading, .draining: POLLIN
        case .writing: POLLOUT
        case .answering: nil
        }
    }

    /// Whether somebody waits for an answer that he has a right to.
    var isOwed: Bool {
        switch phase {
        case .answering, .writing: true
        case .reading, .draining: false
        }
    }

    /// Goes on after poll(2) has said that it can, or the deadline has passed.
    mutating func proceed(at now: Monotonic.Instant) -> Step {
        let isLate = deadline.map { $0 <= now } ?? false
        switch phase {
        case .reading(let head) where isLate:
            return head.isEmpty ? .end : answer(.text("no whole request within \(limits.reading)\n", status: 408))
        case .reading(let head): return read(head)
        case .answering: return .wait
        case .writing(let rest): return isLate ? .end : write(rest)
        case .draining: return isLate ? .end : drain()
        }
    }

    mutating func answer(_ response: HTTPResponse) -> Step {
        deadline = Monotonic.now + limits.writing
        return write(response.encoded(withBody: wantsBody))
    }

    private mutating func read(_ head: [UInt8]) -> Step {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return count < 0 && Self.isPassing(errno) ? .wait : .end }
        let whole = head + buffer[..<count]
        phase = .reading(whole)
        // The end may lie across the seam of two pieces.
        guard let end = Self.endOfHead(whole, from: max(0, head.count - 3)), end <= limits.headBytes else {
            guard whole.count > limits.headBytes else { return .wait }
            return answer(.text("at most \(limits.headBytes) bytes of header\n", status: 431))
        }
        guard let request = HTTPRequest(head: whole[..<end]) else {
            return answer(.text("this is no HTTP/1.1 request with one Host\n", status: 400))
        }
        wantsBody = request.method != "HEAD"
        guard request.host?.isOurs ?? true else {
            return answer(
                .text(
                    "this service answers to localhost, to sono and to addresses: ask for one of these; a reverse proxy "
                        + "under another name has to send Host: localhost\n", status: 421))
        }
        phase = .answering
        deadline = nil
        return .request(request)
    }

    /// Where the empty line after the head ends.
    private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
        let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        for index in start..<bytes.count where bytes[index] == lf {
            if index >= 1, bytes[index - 1] == lf { return index + 1 }
            if index >= 2, bytes[index - 1] == cr, bytes[index - 2] == lf { return index + 1 }
        }
        return nil
    }

    private mutating func write(_ bytes: Data) -> Step {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
            if count < 0 {
                guard Self.isPassing(errno) else { return .end }
                phase = .writing(rest)
                return .wait
            }
            rest = rest.dropFirst(count)
        }
        shutdown(descriptor, Int32(SHUT_WR))
        phase = .draining
        deadline = Monotonic.now + .seconds(1)
        return drain()
    }

    private func drain() -> Step {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count > 0 || (count < 0 && Self.isPassing(errno)) ? .wait : .end
    }

    private static func isPassing(_ number: Int32) -> Bool {
        number == EAGAIN || number == EWOULDBLOCK || number == EINTR
    }
}
