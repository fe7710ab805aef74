import Accounting
import Failures
import Foundation
import Pipelines
import Spooling

/// Changes jobs, for the command line: over control.sock, or with the lock held if no service runs.
public struct ControlClient: Sendable {
    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// - Throws: `wrong_state`, `not_found`; `unavailable` if the service runs but does not answer.
    public func apply(_ verb: ControlVerb, to job: JobID) throws -> ControlReply {
        do {
            return try UnixHTTPClient(path: paths.controlSocket, timeout: 30)
                .send("POST", "/v1/jobs/\(job)/\(verb.rawValue)").decoded(ControlReply.self)
        } catch let failure as Failure where failure.code == .unavailable {
            return try directly(verb, job, unless: failure)
        }
    }

    private func directly(_ verb: ControlVerb, _ job: JobID, unless failure: Failure) throws -> ControlReply {
        guard FileManager.default.fileExists(atPath: paths.store) else { throw failure }
        let lock: SpoolLock
        do {
            lock = try SpoolLock(spool: paths.spool, state: paths.state, started: ServiceClock.now)
        } catch let busy as Failure where busy.code == .alreadyRunning {
            throw failure
        }
        return try withExtendedLifetime(lock) {
            let store = try Store.open(path: paths.store)
            let reader = try StoreReader.open(path: paths.store)
            defer {
                try? reader.close()
                try? store.close()
            }
            return try Control(store: store, reader: reader, paths: paths, lane: nil, reception: nil, board: nil)
                .apply(verb, to: job)
        }
    }
}

/// Times as text.
enum ServiceClock {
    static var now: String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }
}
