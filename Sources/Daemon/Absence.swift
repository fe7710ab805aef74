import Failures
import Foundation
import Pipelines
import Spooling

/// Why no service gave an answer.
public struct Absence: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// Nobody has opened the socket: the service is down.
        case down
        /// The socket is there, and nobody listens any more: the service ended abruptly.
        case staleSocket = "stale_socket"
        /// A process has the lock but does not listen yet: it recovers, or prepares its models.
        case starting
        /// Somebody listens and says nothing.
        case hung
        /// It lives, and is late with this answer.
        case busy
        /// Its socket may not be opened by this user.
        case notAdmitted = "not_admitted"
    }

    public var kind: Kind
    /// What is the matter and what helps, for a person.
    public var message: String
    /// The process that holds the service's lock, where there is one.
    public var pid: Int32?

    /// Finds out after a question to the status socket came to nothing.
    ///
    /// - Parameter patience: whole seconds to wait for the least of signs of life.
    init(paths: ServicePaths, patience: Int = 1) {
        let socket = paths.statusSocket
        let holder = SpoolLock.holder(spool: paths.spool, state: paths.state)
        // No answer needs more than a moment of this process: it is given before SQLite is asked.
        let probe = UnixHTTPClient(path: socket, timeout: patience).probe("/health/live")
        kind = Self.kind(probe, isLocked: holder != nil)
        pid = holder.flatMap { $0 > 0 ? $0 : nil }
        let who = pid.map { "process \($0)" } ?? "a process"
        message =
            switch kind {
            case .down: "no service runs: nothing listens at \(socket)."
            case .staleSocket: "no service runs: \(socket) is what one that ended abruptly has left."
            case .starting: "\(who) has the service's lock and does not answer yet: it starts, or stops; wait a moment."
            case .hung: "\(who) takes connections at \(socket) and does not answer: it hangs, or is stopped."
            case .busy: "the service lives, and is late with its answer: others ask it much; try again."
            case .notAdmitted: Failure.notAdmitted(to: socket, what: "opened").message
            }
    }

    private static func kind(_ probe: UnixHTTPClient.Probe, isLocked: Bool) -> Kind {
        switch probe {
        case .answered: .busy
        case .silent: .hung
        case .refused(EACCES), .refused(EPERM): .notAdmitted
        case .refused where isLocked: .starting
        case .refused(ECONNREFUSED): .staleSocket
        case .refused: .down
        }
    }
}
