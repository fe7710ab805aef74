import Failures
import Foundation
import Glibc

/// One HTTP request over a unix socket, blocking, with a time limit on every step.
package struct UnixHTTPClient: Sendable {
    package struct Response {
        package let status: Int
        package let body: Data
    }

    package let path: String
    package var timeout: Int
    /// What starts the service that should answer, if it is known.
    private let start: String?

    package init(path: String, timeout: Int = 10, start: String? = nil) {
        self.path = path
        self.timeout = timeout
        self.start = start
    }

    /// - Throws: `unavailable` if nobody answers; `io_error` for an answer that is no HTTP.
    package func send(_ method: String, _ target: String, body: Data = Data()) throws -> Response {
        let descriptor = try connected()
        defer { close(descriptor) }
        var request = Data("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".utf8)
        request.append(Data("Content-Length: \(body.count)\r\n\r\n".utf8))
        request.append(body)
        try write(request, to: descriptor)
        return try parse(try readAll(descriptor))
    }

    private func connected() throws -> Int32 {
        let short: SocketPath
        do {
            short = try SocketPath(path)
        } catch {
            throw unavailable("\(error)")
        }
        guard var address = UnixAddress(short.path) else { throw unavailable("the path is too long") }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket") }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            let reason = errno
            close(descriptor)
            if reason == EACCES {
                throw Failure.notAdmitted(to: path, what: "opened")
            }
            throw unavailable(String(cString: strerror(reason)))
        }
        return descriptor
    }

    private func write(_ data: Data, to descriptor: Int32) throws {
        try data.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw unavailable(String(cString: strerror(errno))) }
                sent += count
            }
        }
    }

    private func readAll(_ descriptor: Int32) throws -> Data {
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw unavailable("no answer within \(timeout) s") }
            if count == 0 { return answer }
            answer.append(contentsOf: buffer[..<count])
        }
    }

    private func parse(_ answer: Data) throws -> Response {
        guard let end = answer.firstRange(of: Data("\r\n\r\n".utf8)),
            let head = String(data: answer[..<end.lowerBound], encoding: .utf8),
            let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw Failure(.ioError, "\(path) gave no HTTP answer: is it the service's socket?") }
        return Response(status: status, body: Data(answer[end.upperBound...]))
    }

    private func unavailable(_ cause: String) -> Failure {
        let remedy = start.map { ": start it with `\($0)`" } ?? ""
        return Failure(.unavailable, "no service answers at \(path)\(remedy).", cause: cause)
    }
}
