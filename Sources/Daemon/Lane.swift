import Accounting
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization

/// Computes batches one after the other, each on all cores, on a thread of its own; pipelines take turns.
package final class Lane: Sendable {
    private struct State {
        var queue = JobQueue()
        var pipelines: [String: Pipeline] = [:]
        var running: (job: QueuedJob, control: BatchControl)?
        /// Set while the store takes nothing.
        var pausedUntil: Monotonic.Instant?
        /// How often in a row the store took nothing.
        var pauses = 0
        var isStopping = false
    }

    /// What the rest of the service wants to know.
    package struct Events: Sendable {
        /// A file had other bytes on the second pass.
        let changed: @Sendable (QueuedJob) -> Void
        /// The disk is full.
        let noSpace: @Sendable (Failure) -> Void
        /// A job has begun, or come to rest one way or the other.
        let moved: @Sendable () -> Void
        /// The store cannot be written: the service has to end.
        let broken: @Sendable (Failure) -> Void

        package init(
            changed: @escaping @Sendable (QueuedJob) -> Void, noSpace: @escaping @Sendable (Failure) -> Void,
            moved: @escaping @Sendable () -> Void, broken: @escaping @Sendable (Failure) -> Void
        ) {
            self.changed = changed
            self.noSpace = noSpace
            self.moved = moved
            self.broken = broken
        }
    }

    let heartbeat = Heartbeat()
    private let store: Store
    private let board: Board
    private let logger: Logger
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    package init(store: Store, board: Board, logger: Logger) {
        self.store = store
        self.board = board
        self.logger = logger
    }

    package func start(_ events: Events) {
        let thread = Thread { [self] in
            work(events)
            ended.signal()
        }
        thread.name = "sono.lane"
        thread.start()
    }

    /// Ends the running batch early, giving its attempt back, and the thread with it.
    package func stop() {
        state.withLock { state in
            state.isStopping = true
            state.running?.control.ask(.stop)
        }
        wake.signal()
    }

    package func waitUntilStopped() { ended.wait() }

    /// Takes pipelines into service in place of those before; jobs of others wait in the store.
    package func serve(_ pipelines: [String: Pipeline]) {
        state.withLock { state in
            for name in state.pipelines.keys where pipelines[name] == nil { state.queue.remove(pipeline: name) }
            state.pipelines = pipelines
        }
        wake.signal()
    }

    package func add(_ job: QueuedJob) {
        guard job.state == .queued || job.state == .retrying else { return }
        state.withLock { state in
            if state.pipelines[job.pipeline] != nil { state.queue.add(job, at: Monotonic.now) }
        }
        wake.signal()
    }

    func remove(_ id: JobID) {
        state.withLock { $0.queue.remove(id) }
    }

    /// Asks the running batch to end early; false if it is not this job that runs.
    func interrupt(_ id: JobID, _ request: BatchControl.Request) -> Bool {
        state.withLock { state in
            guard let running = state.running, running.job.id == id else { return false }
            running.control.ask(request)
            return true
        }
    }

    private enum Next {
        case run(Pipeline, QueuedJob, BatchControl)
        case wait(until: Monotonic.Instant?)
        case end
    }

    private func work(_ events: Events) {
        while true {
            switch next() {
            case .end: return
            case .wait(let deadline):
                heartbeat.rest()
                guard let deadline else {
                    wake.wait()
                    continue
                }
                _ = wake.wait(timeout: .now() + max(.zero, deadline - Monotonic.now) / .seconds(1))
            case .run(let pipeline, let job, let control):
                heartbeat.beat()
                board.update { $0.running = .init(job: job, control: control, since: Date()) }
                events.moved()
                do {
                    try report(BatchLife(pipeline: pipeline, store: store).run(job, control: control), of: job, events)
                } catch {
                    let failure = error as? Failure ?? Failure(.internal, "\(error)")
                    logger.critical("\(failure)", metadata: ["job": "\(job.id)", "code": "\(failure.code.rawValue)"])
                    state.withLock { $0.isStopping = true }
                    events.broken(failure)
                }
                state.withLock { $0.running = nil }
                board.update { $0.running = nil }
                events.moved()
            }
        }
    }

    private func next() -> Next {
        state.withLock { state in
            if state.isStopping { return .end }
            if let until = state.pausedUntil, Monotonic.now < until { return .wait(until: until) }
            guard let job = state.queue.next(at: Monotonic.now) else { return .wait(until: state.queue.nextDeadline) }
            guard let pipeline = state.pipelines[job.pipeline] else { return .wait(until: Monotonic.now) }
            let control = BatchControl(limit: pipeline.configuration.limits.deadline) { [heartbeat] in heartbeat.beat()
            }
            state.running = (job, control)
            return .run(pipeline, job, control)
        }
    }

    private func report(_ outcome: BatchLife.Outcome, of job: QueuedJob, _ events: Events) {
        var metadata: Logger.Metadata = ["job": "\(job.id)", "pipeline": "\(job.pipeline)"]
        if case .notNow(let failure) = outcome {
            pause(job, failure, events)
            return
        }
        state.withLock { ($0.pausedUntil, $0.pauses) = (nil, 0) }
        switch outcome {
        case .done(let rows, let failedRows, let seconds, _):
            let rate = Double(rows) / max(seconds, 1e-6)
            board.update { state in
                state.lastCommit = Date()
                state.rowsPerSecond = rate
                state.batches["done", default: 0] += 1
            }
            metadata["rows"] = "\(rows)"
            if failedRows > 0 { metadata["rows_failed"] = "\(failedRows)" }
            metadata["seconds"] = "\((seconds * 1_000).rounded() / 1_000)"
            logger.info("done", metadata: metadata)
        case .failed(let failure):
            board.update { $0.batches["failed", default: 0] += 1 }
            board.count(error: failure.code)
            metadata["code"] = "\(failure.code.rawValue)"
            logger.error("failed: \(failure.message)", metadata: metadata)
        case .retrying(let waiting, let failure):
            board.count(error: failure.code)
            if failure.code == .noSpace { events.noSpace(failure) }
            metadata["code"] = "\(failure.code.rawValue)"
            logger.warning("will be tried again: \(failure.message)", metadata: metadata)
            add(waiting)
        case .returned(let request):
            logger.notice("ended early (\(request)), attempt given back", metadata: metadata)
        case .changed(let waiting):
            logger.warning("the file changed after it was claimed: waiting until it keeps still", metadata: metadata)
            events.changed(waiting)
        case .skipped, .notNow:
            break
        }
    }

    /// Puts a job back in its place, and waits with all of them.
    private func pause(_ job: QueuedJob, _ failure: Failure, _ events: Events) {
        let isFirst = state.withLock { state in
            state.pausedUntil = Monotonic.now + min(Backoff.delay(retries: state.pauses), .seconds(30))
            state.pauses += 1
            return state.pauses == 1
        }
        add(job)
        guard isFirst else { return }
        board.count(error: failure.code)
        logger.error(
            "nothing is computed until the store can be written: \(failure.message)",
            metadata: ["code": "\(failure.code.rawValue)"])
        if failure.code == .noSpace { events.noSpace(failure) }
    }
}
