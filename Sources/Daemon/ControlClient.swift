import Accounting
import Failures
import Foundation
import Pipelines
import Spooling

/// Changes things, for the command line: over control.sock, or with the lock held if no service runs.
public struct ControlClient: Sendable {
    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// - Throws: `wrong_state`, `not_found`; `unavailable` if the service runs but does not answer.
    public func apply(_ verb: ControlVerb, to job: JobID) throws -> ControlReply {
        try ask("/v1/jobs/\(job)/\(verb.rawValue)", timeout: 30) { try $0.apply(verb, to: job) }
    }

    /// Takes away what has had its time; with `dryRun` says what would go.
    public func collect(dryRun: Bool) throws -> RetentionReport {
        try ask(dryRun ? "/v1/gc/dry-run" : "/v1/gc", timeout: 6 * 3_600) { try $0.collect(dryRun: dryRun) }
    }

    /// Asks the service; if none runs, does it here, under its lock.
    private func ask<Answer: Decodable>(
        _ target: String, timeout: Int, _ directly: (Control) throws -> Answer
    ) throws -> Answer {
        do {
            return try UnixHTTPClient(path: paths.controlSocket, timeout: timeout, start: paths.startCommand)
                .send("POST", target).decoded(Answer.self)
        } catch let failure as Failure where failure.code == .unavailable {
            return try withLock(unless: failure, directly)
        }
    }

    private func withLock<Answer>(unless failure: Failure, _ body: (Control) throws -> Answer) throws -> Answer {
        guard FileManager.default.fileExists(atPath: paths.store) else { throw failure }
        let isRoot = geteuid() == 0
        // What is made from here on has to be the service's, which may not open what is root's.
        try ServiceUser.giveUpRoot(for: paths)
        let lock: SpoolLock
        do {
            lock = try SpoolLock(
                spool: paths.spool, state: paths.state, for: .command, started: ServiceClock.now)
        } catch let refusal as Failure where isRoot && refusal.code != .alreadyRunning {
            throw Failure(.unavailable, refusal.message, cause: refusal.cause)
        } catch is Failure {
            // A service has it, or it is not this user's to take: the remedy is what the socket said.
            throw failure
        }
        return try withExtendedLifetime(lock) {
            let store = try Store.open(path: paths.store)
            let reader = try StoreReader.open(path: paths.store)
            defer {
                try? reader.close()
                try? store.close()
            }
            return try body(
                Control(
                    store: store, reader: reader, paths: paths, lane: nil, reception: nil, board: nil, retention: nil))
        }
    }
}

/// Times as text.
enum ServiceClock {
    static var now: String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }
}
