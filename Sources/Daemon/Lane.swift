import Accounting
import CLinux
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization

/// Computes batches one after the other, each on all cores, on a thread of its own; pipelines take turns. While one is
/// computed, the one before it is committed on another thread.
///
/// Those that the service has ended abruptly under, or that passed their deadline, go to a second lane, where each is computed
/// in a process of its own, while the others flow.
package final class Lane: Sendable {
    private struct State {
        var queue = JobQueue()
        var pipelines: [String: Pipeline] = [:]
        /// The one that is computed, and the one that is committed.
        var running: [Batch] = []
        /// Set while the store takes nothing.
        var pausedUntil: Monotonic.Instant?
        /// How often in a row the store took nothing.
        var pauses = 0
        var isStopping = false
        /// The store is gone, and that has been said.
        var isBroken = false
    }

    /// A batch that is begun.
    private struct Batch {
        let life: BatchLife
        let job: QueuedJob
        let control: BatchControl
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

    private static let quiet = Duration.seconds(5)

    let heartbeat = Heartbeat()
    let commitHeartbeat = Heartbeat()
    /// The second lane; nil in that one itself.
    let suspects: Lane?
    /// How the second lane computes; nil in the first, which does so itself.
    private let isolation: Isolation?
    private let store: Store
    private let board: Board
    private let logger: Logger
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let commits = DispatchQueue(label: "sono.commit")

    package init(store: Store, board: Board, logger: Logger, isolation: Isolation) {
        self.store = store
        self.isolation = nil
        suspects = Lane(store, board, logger, isolation)
        self.board = board
        self.logger = logger
    }

    private init(_ store: Store, _ board: Board, _ logger: Logger, _ isolation: Isolation) {
        self.store = store
        self.isolation = isolation
        suspects = nil
        self.board = board
        self.logger = logger
    }

    package func start(_ events: Events) {
        Thread.work(isolation == nil ? "sono.lane" : "sono.suspects", signalling: ended) { [self] in work(events) }
        suspects?.start(events)
    }

    /// Ends the batch that is computed early, giving its attempt back, and the thread with it.
    package func stop() {
        state.withLock { state in
            state.isStopping = true
            for batch in state.running { batch.control.ask(.stop) }
        }
        wake.signal()
        suspects?.stop()
    }

    package func waitUntilStopped() {
        ended.wait()
        suspects?.waitUntilStopped()
    }

    /// Takes pipelines into service in place of those before; jobs of others wait in the store.
    package func serve(_ pipelines: [String: Pipeline]) {
        state.withLock { state in
            for name in state.pipelines.keys where pipelines[name] == nil { state.queue.remove(pipeline: name) }
            state.pipelines = pipelines
        }
        wake.signal()
        suspects?.serve(pipelines)
    }

    package func add(_ job: QueuedJob) {
        guard job.state == .queued || job.state == .retrying else { return }
        if let suspects, job.attempts > 0 { return suspects.add(job) }
        state.withLock { state in
            if state.pipelines[job.pipeline] != nil { state.queue.add(job, at: Monotonic.now) }
        }
        wake.signal()
    }

    func remove(_ id: JobID) {
        state.withLock { $0.queue.remove(id) }
        suspects?.remove(id)
    }

    /// Asks a running batch to end early; false if this job does not run.
    func interrupt(_ id: JobID, _ request: BatchControl.Request) -> Bool {
        let isRunning = state.withLock { state in
            guard let batch = state.running.first(where: { $0.job.id == id }) else { return false }
            batch.control.ask(request)
            return true
        }
        return isRunning || suspects?.interrupt(id, request) == true
    }

    private enum Next {
        case run(Batch)
        case wait(until: Monotonic.Instant?)
        case end
    }

    private func work(_ events: Events) {
        var begun: Batch?
        var mustGiveBack = false
        while true {
            guard let batch = begun else {
                switch next() {
                case .end: return
                case .wait(let deadline):
                    heartbeat.rest()
                    guard let deadline else {
                        rest(&mustGiveBack)
                        continue
                    }
                    _ = wake.wait(timeout: .now() + max(.zero, deadline - Monotonic.now) / .seconds(1))
                case .run(let batch):
                    if begin(batch, events) { begun = batch }
                    mustGiveBack = true
                }
                continue
            }
            let computed = batch.life.compute(batch.job, control: batch.control, in: isolation)
            heartbeat.rest()  // a commit has its own
            commits.sync {}  // commits keep the order of computing, and hold one batch besides this one in memory
            begun = computed.isReady ? follower(of: batch.job, computed, events) : nil
            if begun == nil {
                heartbeat.rest()
                settle(batch, computed, events)
            } else {
                commits.async { self.settle(batch, computed, events) }
            }
        }
    }

    /// Waits for work. What batches have freed stays with the process, for the next ones; when none has come for a while
    /// it goes back to the system.
    private func rest(_ mustGiveBack: inout Bool) {
        if mustGiveBack {
            guard wake.wait(timeout: .now() + Self.quiet / .seconds(1)) == .timedOut else { return }
            malloc_trim(0)
            mustGiveBack = false
        }
        wake.wait()
    }

    /// The batch to compute while this one is committed, begun: counting its attempt must not wait for the commit.
    ///
    /// A suspect has none: it runs alone.
    private func follower(of job: QueuedJob, _ computed: BatchLife.Computed, _ events: Events) -> Batch? {
        guard job.attempts == 0, case .run(let batch) = next() else { return nil }
        return begin(batch, besides: computed, events) ? batch : nil
    }

    private func next() -> Next {
        state.withLock { state in
            if state.isStopping { return .end }
            if let until = state.pausedUntil, Monotonic.now < until { return .wait(until: until) }
            guard let job = state.queue.next(at: Monotonic.now) else {
                return .wait(until: state.queue.nextDeadline)
            }
            guard let pipeline = state.pipelines[job.pipeline] else { return .wait(until: Monotonic.now) }
            let control = BatchControl(limit: pipeline.configuration.limits.deadline) { [heartbeat] in heartbeat.beat()
            }
            let batch = Batch(life: BatchLife(pipeline: pipeline, store: store), job: job, control: control)
            state.running.append(batch)
            return .run(batch)
        }
    }

    /// - Returns: whether it is to be computed.
    private func begin(_ batch: Batch, besides computed: BatchLife.Computed? = nil, _ events: Events) -> Bool {
        heartbeat.beat()
        do {
            guard let outcome = try batch.life.begin(batch.job, besides: computed) else {
                let running = Board.Running(job: batch.job, control: batch.control, since: Date())
                // A suspect is told of while nothing else runs.
                board.update { $0.running = isolation == nil ? running : $0.running ?? running }
                events.moved()
                return true
            }
            report(outcome, of: batch.job, events)
        } catch {
            end(batch, error, events)
        }
        leave(batch, events)
        return false
    }

    private func settle(_ batch: Batch, _ computed: BatchLife.Computed, _ events: Events) {
        commitHeartbeat.beat()
        do {
            let outcome = try batch.life.settle(computed, control: batch.control) { [commitHeartbeat] in
                commitHeartbeat.beat()
            }
            report(outcome, of: batch.job, events)
        } catch {
            end(batch, error, events)
        }
        leave(batch, events)
        commitHeartbeat.rest()
    }

    /// What a batch was doing could not be recorded: nothing more can be.
    private func end(_ batch: Batch, _ error: any Error, _ events: Events) {
        let isFirst = state.withLock { state in
            defer { (state.isStopping, state.isBroken) = (true, true) }
            for batch in state.running { batch.control.ask(.stop) }
            return !state.isBroken
        }
        suspects?.stop()
        guard isFirst else { return }
        let failure = error as? Failure ?? Failure(.internal, "\(error)")
        logger.critical("\(failure)", metadata: ["job": "\(batch.job.id)", "code": "\(failure.code.rawValue)"])
        events.broken(failure)
    }

    private func leave(_ batch: Batch, _ events: Events) {
        state.withLock { $0.running.removeAll { $0.job.id == batch.job.id } }
        board.update { if $0.running?.job.id == batch.job.id { $0.running = nil } }
        events.moved()
    }

    private func report(_ outcome: BatchLife.Outcome, of job: QueuedJob, _ events: Events) {
        var metadata: Logger.Metadata = ["job": "\(job.id)", "pipeline": "\(job.pipeline)"]
        if case .notNow(let failure) = outcome {
            pause(job, failure, events)
            return
        }
        state.withLock { ($0.pausedUntil, $0.pauses) = (nil, 0) }
        switch outcome {
        case .done(let batch):
            board.update { state in
                let now = Date()
                state.lastCommit = now
                state.rowsPerSecond = batch.rowsPerSecond
                state.batches["done", default: 0] += 1
                state.work[job.pipeline, default: WorkDone()].add(batch, at: now)
            }
            metadata["rows"] = "\(batch.rows)"
            if batch.rowsOK < batch.rows { metadata["rows_failed"] = "\(batch.rows - batch.rowsOK)" }
            metadata["seconds"] = "\((batch.seconds * 1_000).rounded() / 1_000)"
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
