import Accounting
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization
import TensorFiles

/// A service that runs: what `sono serve` starts, and what a test starts in its own process.
///
/// Four threads: this one's queue (signals, reload, watchdog, STATUS line), the reception (finds, claims and admits
/// files), the lane (computes, while the batch before is committed beside it) and the retention (takes away what has had
/// its time). They meet in the store, the board and by messages.
public final class RunningService: Sendable {
    private let paths: ServicePaths
    private let options: ServiceOptions
    private let logger: Logger
    private let notifier: Notifier
    private let lock: Mutex<SpoolLock?>
    private let store: Store
    private let reader: StoreReader
    private let board = Board()
    private let lane: Lane
    private let reception: Reception
    private let retention: RetentionLoop
    private let queue = DispatchQueue(label: "sono.service")
    private let watchdog: Watchdog?
    private let listeners = Mutex<[HTTPListener]>([])
    private let fault = Mutex<Failure?>(nil)
    /// pipeline.d as it was read last.
    private let configurations: Mutex<[String: Result<PipelineConfiguration, Failure>]>
    private let isRetryDue = Mutex(false)
    private let statusLineTold = Mutex<(last: Monotonic.Instant?, isDue: Bool)>((nil, false))
    /// Called when the service cannot go on by itself.
    private let onFault: @Sendable () -> Void

    /// Starts the service: lock, store, models, recovery, watches, sockets; in this order.
    ///
    /// - Parameters:
    ///   - isWanted: asked while a command that has the lock is waited for.
    ///   - onFault: called when the store cannot be written any more; then `stop()` gives the reason.
    /// - Throws: `already_running`, `configuration_invalid` if no pipeline is valid, and what the store says; `Unwanted`.
    public init(
        paths: ServicePaths, options: ServiceOptions = ServiceOptions(), isWanted: @escaping () -> Bool = { true },
        onFault: @escaping @Sendable () -> Void = {}
    ) throws {
        self.paths = paths
        self.options = options
        self.onFault = onFault
        let logger = Logger.service(options)
        self.logger = logger
        let notifier = Notifier()
        self.notifier = notifier
        try Self.makeDirectories(paths)
        let read = try ConfigurationDirectory.load(paths.configuration)
        configurations = Mutex(read)
        lock = Mutex(try Self.takeLock(paths, notifier, logger, isWanted))
        // A store of a million jobs is checked, and may be migrated, for a minute on a busy machine.
        notifier.extendTimeout(by: .seconds(600))
        store = try Store.open(path: paths.store)
        reader = try StoreReader.open(path: paths.store, patience: .seconds(5))
        let isolation = Isolation(program: options.program)
        lane = Lane(store: store, board: board, logger: logger, isolation: isolation)
        let claims = try store.claims().map(\.token) + store.unsettled().map(\.token)
        reception = Reception(
            isolation: isolation, examinations: try Examinations(path: paths.examining, known: Set(claims)))
        retention = RetentionLoop(
            store: store, paths: paths, board: board, logger: logger, interval: options.retentionInterval)
        let lanes = [lane, lane.suspects].compactMap(\.self)
        watchdog = Watchdog(
            notifier: notifier, hearts: lanes.flatMap { [$0.heartbeat, $0.commitHeartbeat] } + [reception.heartbeat])

        // Preparing a wide model takes seconds, and so may what a crash has left.
        notifier.extendTimeout(by: .seconds(120))
        let pipelines = PipelineLoader(paths: paths).load(read)
        for (name, failure) in pipelines.failures { Self.log(logger, failure, pipeline: name) }
        guard !pipelines.running.isEmpty else {
            let failures = pipelines.failures.sorted { $0.key < $1.key }.map(\.value)
            // What may pass first: a start that is tried again can help then.
            throw failures.first(where: \.code.isTransient) ?? failures.first
                ?? Failure(.configurationInvalid, "\(paths.configuration) has no pipeline: add NAME.yaml.")
        }
        board.update { $0.pipelines = pipelines.all }
        try recover(pipelines.running)
        do {
            try begin(pipelines.running)
        } catch {
            stop()
            throw error
        }
    }

    /// A stop was asked for before the start came to its end.
    struct Unwanted: Error {}

    /// Waits for a command that found no service and works on the store itself: a start that fails by it would be final.
    private static func takeLock(
        _ paths: ServicePaths, _ notifier: Notifier, _ logger: Logger, _ isWanted: @escaping () -> Bool
    ) throws -> SpoolLock {
        var told: Monotonic.Instant?
        return try SpoolLock(spool: paths.spool, state: paths.state, started: ServiceClock.now) { process in
            guard isWanted() else { throw Unwanted() }
            if let told, Monotonic.now - told < .seconds(10) { return }
            if told == nil { logger.notice("waits for process \(process), a command that is at work on the store") }
            told = Monotonic.now
            notifier.extendTimeout(by: .seconds(60))
        }
    }

    private static func makeDirectories(_ paths: ServicePaths) throws {
        for (path, mode) in [(paths.state, 0o750), (paths.spool, 0o755), (paths.run, 0o755)] as [(String, UInt32)] {
            do {
                guard !FileManager.default.fileExists(atPath: path) else { continue }
                try AtomicFile.makeDirectory(path, mode: mode)
                // Not left to mkdir, whose mode the umask cuts.
                guard chmod(path, mode) == 0 else { throw Failure.system("chmod \(path)") }
            } catch {
                throw Failure(
                    .ioError, "\(path) cannot be created: check its parent's owner and mode.", cause: "\(error)")
            }
        }
        // Whoever made them, and if it was an earlier start that was cut short: a store that a power loss takes away with its
        // directory forgets what is in done/.
        for path in [paths.state, paths.spool] {
            let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
            if access(parent, R_OK) == 0 { try AtomicFile.syncDirectory(parent) }
        }
    }

    private static func log(_ logger: Logger, _ failure: Failure, pipeline: String) {
        logger.error(
            "\(failure.message)", metadata: ["pipeline": "\(pipeline)", "code": "\(failure.code.rawValue)"])
    }

    private func recover(_ pipelines: [String: Pipeline]) throws {
        // After a restore every file in done/ is looked up.
        notifier.extendTimeout(by: .seconds(600))
        let recovery = Recovery(store: store, paths: paths)
        let interrupted = try recovery.recoverStore { name in
            pipelines[name]?.configuration.limits.attempts
        }
        if let failures = try recovery.compareWithSpool() {
            logger.notice("the store was restored or recovered: it has been compared with the spool")
            for failure in failures { logger.error("not compared, the next start tries again: \(failure)") }
        }
        for job in interrupted {
            logger.warning(
                "was running when the service ended abruptly: \(job.state.rawValue)",
                metadata: [
                    "job": "\(job.id)", "pipeline": "\(job.pipeline)", "code": "\(FailureCode.crashed.rawValue)",
                ])
        }
    }

    private func begin(_ pipelines: [String: Pipeline]) throws {
        let (reception, lane) = (reception, lane)
        lane.start(
            Lane.Events(
                changed: { reception.post(.changed($0)) },
                noSpace: { reception.post(.noSpace($0)) },
                moved: { [self] in tellStatus() },
                broken: { [self] failure in
                    fault.withLock { $0 = $0 ?? failure }
                    onFault()
                }))
        reception.start(store: store, paths: paths, lane: lane, board: board, logger: logger) { [self] in tellStatus() }
        try serve(pipelines, new: Set(pipelines.keys))
        try listen()
        board.update { $0.phase = .ready }
        retention.start()
        logger.notice("ready", metadata: ["pipelines": "\(pipelines.keys.sorted().joined(separator: ","))"])
        queue.sync { notifier.ready(statusLine) }
        retryLater()
    }

    /// Puts pipelines into service in place of those before; new ones with the jobs that wait for them. Either all of it
    /// happens, or nothing.
    private func serve(_ pipelines: [String: Pipeline], new: Set<String>) throws {
        let waiting = try new.flatMap { try store.unsettled(pipeline: $0) }
        lane.serve(pipelines)
        for job in waiting { lane.add(job) }
        reception.post(.serve(pipelines))
    }

    private func listen() throws {
        let status = StatusRoutes(board: board, reader: reader, options: options, paths: paths)
        let control = Control(
            store: store, reader: reader, paths: paths, lane: lane, reception: reception, board: board,
            retention: retention)
        let onEnd: @Sendable (Failure) -> Void = { [self] failure in
            logger.critical("\(failure)", metadata: ["code": "\(failure.code.rawValue)"])
            fault.withLock { $0 = $0 ?? failure }
            onFault()
        }
        let routes = ControlRoutes(control: control)
        // One by one, so that those that are there are stopped if the next one fails.
        func add(_ listener: HTTPListener) { listeners.withLock { $0.append(listener) } }
        add(try HTTPListener.unix(paths.statusSocket, onEnd: onEnd, handler: status.handle))
        add(
            try HTTPListener.unix(
                paths.controlSocket, group: options.adminGroup, onEnd: onEnd, handler: routes.handle))
        if let address = options.http {
            add(try HTTPListener.tcp(address, onEnd: onEnd, handler: status.handle))
        }
    }

    // MARK: - While it runs

    /// Reads pipeline.d again. What is bad leaves the pipeline as it was, or misconfigured if it did not run.
    public func reload() {
        queue.sync {
            notifier.reloading()
            do {
                let read = try ConfigurationDirectory.load(paths.configuration)
                configurations.withLock { $0 = read }
                try takeOver(read)
            } catch {
                logger.error("reload failed, everything stays as it was: \(error)")
            }
            notifier.ready(statusLine)
        }
        retryLater()
    }

    /// Tries pipelines again whose trouble may pass, such as a file system that comes late, until they run.
    private func retryLater() {
        let now = board.snapshot
        let failures = now.pipelines.values.compactMap { result -> Failure? in
            if case .failure(let failure) = result { failure } else { nil }
        }
        guard (failures + now.refusedReloads.values).contains(where: \.code.isTransient) else { return }
        let isDue = isRetryDue.withLock { isDue in
            defer { isDue = true }
            return isDue
        }
        guard !isDue else { return }
        queue.asyncAfter(deadline: .now() + options.retryAfter / .seconds(1)) { [weak self] in self?.retry() }
    }

    private func retry() {
        isRetryDue.withLock { $0 = false }
        guard board.snapshot.phase == .ready else { return }
        do {
            try takeOver(configurations.withLock { $0 })
        } catch {
            logger.error("everything stays as it was: \(error)")
        }
        retryLater()
    }

    private func takeOver(_ configurations: [String: Result<PipelineConfiguration, Failure>]) throws {
        let before = board.snapshot.pipelines
        let loaded = PipelineLoader(paths: paths).load(
            configurations, running: before.compactMapValues { try? $0.get() })
        var after = loaded.all
        var refused: [String: Failure] = [:]
        for (name, failure) in loaded.failures {
            guard case .success(let running)? = before[name] else {
                Self.log(logger, failure, pipeline: name)
                continue
            }
            let refusal = Failure(
                failure.code, "\(failure.message) The pipeline goes on as it was.", cause: failure.cause)
            Self.log(logger, refusal, pipeline: name)
            after[name] = .success(running)
            refused[name] = refusal
        }
        let running = after.compactMapValues { try? $0.get() }
        let new = running.keys.filter { (try? before[$0]?.get()) == nil }
        for name in before.keys where after[name] == nil {
            logger.notice("removed: its work stays where it is", metadata: ["pipeline": "\(name)"])
        }
        try serve(running, new: Set(new))
        let (refusals, all) = (refused, after)
        board.update { state in
            state.pipelines = all
            state.refusedReloads = refusals
            state.spoolTrouble = state.spoolTrouble.filter { all[$0.key] != nil }
        }
        let taken = running.keys.filter { refusals[$0] == nil }.sorted()
        logger.notice("reloaded", metadata: ["pipelines": "\(taken.joined(separator: ","))"])
    }

    private var statusLine: String {
        (try? StatusReport(board: board, reader: reader, options: options, paths: paths).line) ?? "ready"
    }

    /// At most once a second; what changes within that second is told at its end.
    private func tellStatus() {
        let wait = statusLineTold.withLock { told -> Duration? in
            if told.isDue { return nil }
            told.isDue = true
            return told.last.map { max(.zero, .seconds(1) - (Monotonic.now - $0)) } ?? .zero
        }
        guard let wait else { return }
        queue.asyncAfter(deadline: .now() + wait / .seconds(1)) { [weak self] in
            guard let self else { return }
            statusLineTold.withLock { $0 = (Monotonic.now, false) }
            if board.snapshot.phase == .ready { notifier.status(statusLine) }
        }
    }

    /// Stops within seconds: the running batch ends between two chunks and its attempt is given back.
    ///
    /// - Returns: why the service could not go on, if it did not stop of its own will.
    @discardableResult
    public func stop() -> Failure? {
        board.update { $0.phase = .stopping }
        notifier.stopping()
        logger.notice("stopping")
        retention.stop()
        reception.stop()
        lane.stop()
        lane.waitUntilStopped()
        reception.waitUntilStopped()
        retention.waitUntilStopped()
        watchdog?.stop()
        let listening = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in listening { listener.stop() }
        queue.sync {}
        try? reader.close()
        try? store.close()
        lock.withLock { $0 = nil }
        logger.notice("stopped")
        return fault.withLock { $0 }
    }
}
