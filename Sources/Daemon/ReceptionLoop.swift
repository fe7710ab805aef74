import Accounting
import Failures
import Foundation
import Logging
import Pipelines
import Spooling

/// What the intake thread does and knows: it sleeps until there is a hint, until a file's time has come, or for a minute.
struct ReceptionLoop {
    /// Hints can be missed (another host's changes on a network file system raise none), so everything is looked at
    /// this often.
    static let regularScan = Duration.seconds(60)
    static let spaceCheck = Duration.seconds(2)

    let reception: Reception
    let store: Store
    let paths: ServicePaths
    let lane: Lane
    let board: Board
    let logger: Logger
    /// Called when there is something new to tell of.
    let onChange: @Sendable () -> Void

    private var lines: [String: ReceptionLine] = [:]
    private var space = DiskSpace()
    /// Whether the board and the log say that intake pauses.
    private var isPauseKnown = false
    private var nextScan = Monotonic.now + regularScan
    private var isStopped = false

    init(
        reception: Reception, store: Store, paths: ServicePaths, lane: Lane, board: Board, logger: Logger,
        onChange: @escaping @Sendable () -> Void
    ) {
        self.reception = reception
        self.store = store
        self.paths = paths
        self.lane = lane
        self.board = board
        self.logger = logger
        self.onChange = onChange
    }

    mutating func run() {
        while !isStopped {
            reception.heartbeat.rest()
            let messages = reception.mailbox.collect(until: nextDeadline)
            reception.heartbeat.beat()
            for message in messages { handle(message) }
            if isStopped { return }
            checkSpace()
            if Monotonic.now >= nextScan { beginRegularScan() }
            if space.paused == nil { workThroughLines() }
            publish()
        }
    }

    private var nextDeadline: Monotonic.Instant {
        if space.paused != nil { return Monotonic.now + Self.spaceCheck }
        return lines.values.compactMap(\.nextDeadline).reduce(nextScan, min)
    }

    private mutating func handle(_ message: Reception.Message) {
        switch message {
        case .serve(let pipelines):
            lines = lines.filter { pipelines[$0.key] != nil }
            for (name, pipeline) in pipelines {
                if lines[name] == nil {
                    lines[name] = ReceptionLine(
                        pipeline: pipeline, store: store, paths: paths, reception: reception)
                    addWaiting(name)
                } else {
                    lines[name]?.replace(pipeline)
                }
                watch(name)
            }
        case .look(let name): lines[name]?.mustList = true
        case .lost(let name): lines[name]?.mustReopen = true
        case .requeued(let name): lines[name]?.mustCompare = true
        case .changed(let job): lines[job.pipeline]?.addChanged(job)
        case .examined(let token, let pipeline, let result):
            for event in lines[pipeline]?.examined(token, result) ?? [] { take(event, in: pipeline) }
        case .noSpace(let failure): space.failed(failure)
        case .stop: isStopped = true
        }
    }

    /// Files may have become jobs, in a first pass apart, while their pipeline was away.
    private func addWaiting(_ name: String) {
        for job in (try? store.unsettled(pipeline: name)) ?? [] { lane.add(job) }
    }

    private mutating func watch(_ name: String) {
        if let failure = lines[name]?.watch() { logger.warning("\(failure)", metadata: ["pipeline": "\(name)"]) }
    }

    private mutating func checkSpace() {
        space.look(at: [paths.state, paths.spool].compactMap(DiskSpace.Room.init(of:)))
        guard isPauseKnown != (space.paused != nil) else { return }
        isPauseKnown = space.paused != nil
        if let failure = space.paused {
            logger.error("intake pauses: \(failure.message)", metadata: ["code": "\(failure.code.rawValue)"])
        } else {
            logger.notice("intake goes on: there is room again")
        }
        let paused = space.paused
        board.update { $0.paused = paused }
        onChange()
    }

    private mutating func beginRegularScan() {
        let away = Set(lines.filter { $0.value.isAway }.keys)
        nextScan = Monotonic.now + Self.regularScan
        for name in lines.keys {
            lines[name]?.mustList = true
            lines[name]?.mustCompare = true
            watch(name)
        }
        for failure in Recovery(store: store, paths: paths).fileSettled(away: away) {
            logger.warning("a settled file is still in work/: \(failure.message)")
        }
    }

    /// A little from each pipeline in turn.
    private mutating func workThroughLines() {
        for name in lines.keys.sorted() {
            guard var line = lines[name] else { continue }
            let events = line.step()
            lines[name] = line
            for event in events { take(event, in: name) }
            reception.heartbeat.beat()
            if reception.isStopping || space.paused != nil { return }
        }
    }

    private mutating func take(_ event: ReceptionLine.Event, in pipeline: String) {
        switch event {
        case .admitted(let job):
            note(job)
            lane.add(job)
            onChange()
        case .trouble(let failure):
            logger.warning(
                "\(failure.message)", metadata: ["pipeline": "\(pipeline)", "code": "\(failure.code.rawValue)"])
            board.count(error: failure.code)
            if failure.code == .noSpace { space.failed(failure) }
        case .spoolLost(let failure):
            logger.error(
                "\(failure.message)", metadata: ["pipeline": "\(pipeline)", "code": "\(failure.code.rawValue)"])
            board.update { $0.spoolTrouble[pipeline] = failure }
            onChange()
        case .spoolBack:
            // What was away may be there again.
            nextScan = Monotonic.now
            board.update { $0.spoolTrouble[pipeline] = nil }
            onChange()
        }
    }

    private func note(_ job: QueuedJob) {
        let name = FileName(job.name)?.displayText ?? "?"
        var metadata: Logger.Metadata = ["job": "\(job.id)", "pipeline": "\(job.pipeline)", "file": "\(name)"]
        switch job.state {
        case .failed:
            metadata["code"] = "\(job.errorCode ?? "")"
            logger.error("refused: \(job.errorMessage ?? "")", metadata: metadata)
            let code = job.errorCode.flatMap(FailureCode.init(rawValue:)) ?? .internal
            board.count(error: code)
            board.update { $0.batches["failed", default: 0] += 1 }
        case .duplicate:
            logger.info("duplicate", metadata: metadata)
            board.update { $0.batches["duplicate", default: 0] += 1 }
        default:
            metadata["rows"] = "\(job.rows ?? 0)"
            logger.debug("queued", metadata: metadata)
        }
    }

    private func publish() {
        let waiting = lines.mapValues(\.waitingCount)
        let isNew = board.update { state in
            defer { state.incoming = waiting }
            return state.incoming != waiting
        }
        if isNew { onChange() }
    }
}
