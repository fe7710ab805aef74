import Accounting
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization

/// Takes away what has had its time, on a thread of its own: at start, at long intervals, and at once for `sono gc`; and
/// keeps the WAL small.
///
/// Its steps are short, and while a batch is computed or committed it makes one a second: batches go first.
final class RetentionLoop: Sendable {
    private let store: Store
    private let paths: ServicePaths
    private let board: Board
    private let logger: Logger
    private let interval: Duration
    private static let walCheck = Duration.seconds(60)
    private let stopped = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let state = Mutex((isStarted: false, isStopping: false))
    /// Who asks by `sono gc` waits for a run that is under way.
    private let turn = Mutex(())

    private struct Stopped: Error {}

    init(store: Store, paths: ServicePaths, board: Board, logger: Logger, interval: Duration) {
        self.store = store
        self.paths = paths
        self.board = board
        self.logger = logger
        self.interval = interval
    }

    func start() {
        state.withLock { $0.isStarted = true }
        Thread.work("sono.retention", signalling: ended) { [self] in
            var next = Monotonic.now
            repeat {
                lookAtWAL()
                guard Monotonic.now >= next else { continue }
                next = Monotonic.now + interval
                do {
                    report(try collect { [self] in try giveWay() })
                    try removeUnusedModels()
                } catch is Stopped {
                    break
                } catch {
                    // A full disk or a busy store: the next time will do.
                    logger.warning("retention has not come to its end: \(error)")
                }
            } while stopped.wait(timeout: .now() + min(interval, Self.walCheck) / .seconds(1)) == .timedOut
        }
    }

    private func lookAtWAL() {
        guard let isEmpty = try? store.emptyLargeWAL() else { return }
        board.update { $0.walHeldSince = isEmpty ? nil : $0.walHeldSince ?? Date() }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        stopped.signal()
    }

    func waitUntilStopped() {
        if state.withLock({ $0.isStarted }) { ended.wait() }
        turn.withLock { _ in }
    }

    /// For a person who asked: without waiting for the lane.
    func collectNow() throws -> RetentionReport {
        do {
            let found = try collect { [self] in try endIfStopping() }
            report(found)
            return found
        } catch is Stopped {
            throw Failure(.unavailable, "the service stops: what is left has its time at the next start.")
        }
    }

    private func collect(pace: @escaping () throws -> Void) throws -> RetentionReport {
        try turn.withLock { _ in
            try endIfStopping()
            let found = try Retention(board.snapshot.retention).collect(store: store, paths: paths, pace: pace)
            board.update { $0.lastRetention = Date() }
            return found
        }
    }

    private func endIfStopping() throws {
        if state.withLock({ $0.isStopping }) { throw Stopped() }
    }

    /// For a day a model is kept of which nothing says that it is used: it may be about to be.
    private func removeUnusedModels() throws {
        let running = board.snapshot.pipelines.values.compactMap { try? $0.get().model.sha256 }
        let reader = try StoreReader.open(path: paths.store, patience: .seconds(60))
        defer { try? reader.close() }
        let gone = try ModelLibrary(paths: paths).removeUnused(
            reader, running: Set(running), before: Date(timeIntervalSinceNow: -86_400)
        ) { [self] in try endIfStopping() }
        for sha256 in gone {
            logger.notice("retention has removed a model that no job refers to", metadata: ["sha256": "\(sha256)"])
        }
    }

    private func giveWay() throws {
        let end = Monotonic.now + .seconds(1)
        try endIfStopping()
        while board.snapshot.running != nil, Monotonic.now < end {
            Thread.sleep(forTimeInterval: 0.02)
            try endIfStopping()
        }
    }

    private func report(_ found: RetentionReport) {
        for pipeline in found.pipelines {
            // Of a pipeline that does not run it is known why.
            guard case .success? = board.snapshot.pipelines[pipeline.name] else { continue }
            for trouble in pipeline.troubles {
                logger.warning("retention: \(trouble)", metadata: ["pipeline": "\(pipeline.name)"])
            }
            let counts = pipeline.removed
            guard !counts.isEmpty else { continue }
            logger.notice(
                "retention has removed what had its time",
                metadata: [
                    "pipeline": "\(pipeline.name)", "inputs": "\(counts.inputs)", "failed": "\(counts.failed)",
                    "features": "\(counts.features)", "rows": "\(counts.results)", "jobs": "\(counts.jobs)",
                ])
        }
    }
}
