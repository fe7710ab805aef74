import Accounting
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling

/// One pipeline's files on their way from incoming/ to being jobs.
package struct ReceptionLine {
    package enum Event {
        /// A file has become a job: queued, refused or a duplicate.
        case admitted(QueuedJob)
        case trouble(Failure)
        case spoolLost(Failure)
        case spoolBack
    }

    /// Files claimed with one transaction and one pair of fsyncs.
    private static let claimsAtOnce = 64
    private static let reopenAfter = Duration.seconds(5)

    private var pipeline: Pipeline
    private let store: Store
    private let paths: ServicePaths
    private let reception: Reception
    private var intake: Intake
    private var isWatched = false
    private var isWatchTroubleKnown = false
    /// Whether what is in incoming/ cannot be taken, and that has been told.
    private var isStuck = false
    private var pending: PendingClaims
    /// Names of files in work/ that are no jobs yet.
    private var names: [ClaimToken: FileName] = [:]
    /// Jobs whose file changed after the first pass.
    private var changed: [ClaimToken: QueuedJob] = [:]
    /// How often a file could not be brought to its end.
    private var retries: [ClaimToken: Int] = [:]
    private var toClaim: [FileName] = []
    private var toExamine: [ClaimToken] = []
    private var reopenAt: Monotonic.Instant?

    var mustList = true
    /// Whether work/ is to be compared with the notes: at first, when files were put there, and now and then.
    package var mustCompare = true
    var mustReopen = false

    package init(pipeline: Pipeline, store: Store, paths: ServicePaths, reception: Reception) {
        self.pipeline = pipeline
        self.store = store
        self.paths = paths
        self.reception = reception
        intake = Self.unwatched(pipeline)
        pending = PendingClaims(
            settle: pipeline.configuration.settle, incompleteAfter: pipeline.configuration.incompleteAfter)
    }

    /// Takes over a newer configuration. Files that wait begin to wait anew if its times are others.
    mutating func replace(_ newer: Pipeline) {
        let (old, new) = (pipeline.configuration, newer.configuration)
        if pipeline.spool !== newer.spool || old.settle != new.settle {
            intake = Self.unwatched(newer)
            isWatched = false
        }
        pipeline = newer
        guard old.settle != new.settle || old.incompleteAfter != new.incompleteAfter else { return }
        pending = PendingClaims(settle: new.settle, incompleteAfter: new.incompleteAfter)
        for token in Array(names.keys) + Array(changed.keys) { addPending(token) }
    }

    private static func unwatched(_ pipeline: Pipeline) -> Intake {
        Intake(directory: pipeline.spool, watcher: nil, settle: pipeline.configuration.settle)
    }

    /// Starts to watch incoming/ unless it is watched; without a watch files are found once a minute.
    ///
    /// - Returns: why it cannot be watched, the first time.
    mutating func watch() -> Failure? {
        guard !isWatched else { return nil }
        mustList = true
        let (name, reception) = (pipeline.name, reception)
        let settle = pipeline.configuration.settle
        do {
            let watcher = try IncomingWatcher(
                directory: pipeline.spool, queue: DispatchQueue(label: "sono.watch.\(name)")
            ) { hint in
                switch hint {
                case .changed: reception.post(.look(name))
                case .directoryLost: reception.post(.lost(name))
                }
            }
            intake = Intake(directory: pipeline.spool, watcher: watcher, settle: settle)
            (isWatched, isWatchTroubleKnown) = (true, false)
            return nil
        } catch {
            defer { isWatchTroubleKnown = true }
            return isWatchTroubleKnown ? nil : error as? Failure ?? Failure(.internal, "\(error)")
        }
    }

    private mutating func add(_ claim: BatchLife.Claim) {
        names[claim.token] = claim.name
        pending.add(claim.token, stamp: claim.stamp, at: Monotonic.now)
    }

    mutating func addChanged(_ job: QueuedJob) {
        guard let token = ClaimToken(job.token) else { return }
        changed[token] = job
        addPending(token)
    }

    private mutating func addPending(_ token: ClaimToken) {
        pending.changed(token, stamp: try? pipeline.spool.stamp(of: token), at: Monotonic.now)
    }

    /// Whether its directories were taken away, and may come back.
    var isAway: Bool { pipeline.mayComeBack }

    var waitingCount: Int { intake.waitingCount + names.count }

    /// When there is something to do: at once while files are at hand, but never before a trouble may have passed.
    package var nextDeadline: Monotonic.Instant? {
        if let reopenAt { return reopenAt }
        if !toClaim.isEmpty || !toExamine.isEmpty { return Monotonic.now }
        return [intake.nextDeadline, pending.nextDeadline].compactMap { $0 }.min()
    }

    private func isDue(_ deadline: Monotonic.Instant?) -> Bool {
        deadline.map { $0 <= Monotonic.now } ?? false
    }

    // MARK: - Work

    /// Does what is due, at most one first pass of it, so that pipelines take turns and messages are heard in between.
    package mutating func step() -> [Event] {
        var events: [Event] = []
        if mustReopen || isDue(reopenAt) { events += reopen() }
        guard reopenAt == nil else { return events }
        do {
            if mustCompare { try compare() }
            // In a backlog one listing for each round of claims is enough.
            if toClaim.isEmpty, mustList || isDue(intake.nextDeadline) { try list(&events) }
            try claimSome(&events)
            try lookAtPending(&events)
            if !toExamine.isEmpty { examine(toExamine.removeFirst(), &events) }
        } catch {
            let failure = error as? Failure ?? Failure(.internal, "\(error)")
            if (try? pipeline.spool.verify()) == nil {
                events += reopen()
            } else {
                events.append(.trouble(failure))
                reopenAt = Monotonic.now + Self.reopenAfter
            }
        }
        return events
    }

    /// Takes up what is in work/ and neither a job nor known here.
    private mutating func compare() throws {
        let known = Set(names.keys).union(changed.keys).union(reception.tokensApart)
        let claims = try reception.requeueing.withLock { _ in
            try Recovery(store: store, paths: paths).claims(of: pipeline, except: known)
        }
        for claim in claims { add(claim) }
        mustCompare = false
    }

    private mutating func list(_ events: inout [Event]) throws {
        mustList = false
        let (names, troubles) = try intake.look(at: Monotonic.now)
        // What is no regular file is claimed too: it is refused, unopened, when it is examined.
        toClaim = names
        // What could not be taken may have been taken away.
        if isStuck, names.isEmpty, intake.waitingCount == 0 { unstick(&events) }
        events += troubles.map(Event.trouble)
    }

    private mutating func claimSome(_ events: inout [Event]) throws {
        guard !toClaim.isEmpty, toExamine.isEmpty else { return }
        let batch = Array(toClaim.prefix(Self.claimsAtOnce))
        let (claims, failures) = try BatchLife(pipeline: pipeline, store: store).claim(batch)
        toClaim.removeFirst(batch.count)
        events += failures.map(Event.trouble)
        if let failure = failures.first {
            // The file may be in work/ all the same.
            mustCompare = true
            // As on a file system that has become read-only.
            if !isStuck { events.append(.spoolLost(failure)) }
            isStuck = true
        } else if isStuck {
            unstick(&events)
        }
        for claim in claims {
            intake.left(batch.contains(claim.name) ? claim.name : claim.name.markedAgain)
            add(claim)
        }
    }

    private mutating func unstick(_ events: inout [Event]) {
        isStuck = false
        events.append(.spoolBack)
    }

    private mutating func lookAtPending(_ events: inout [Event]) throws {
        guard toExamine.isEmpty, isDue(pending.nextDeadline) else { return }
        var stamps: [ClaimToken: FileStamp] = [:]
        var unknown: Set<ClaimToken> = []
        for token in pending.tokens {
            do {
                stamps[token] = try pipeline.spool.stamp(of: token)
            } catch let failure as Failure {
                unknown.insert(token)
                events.append(.trouble(failure))
            }
        }
        for action in pending.step(stamps, unknown: unknown, at: Monotonic.now) {
            switch action {
            case .examine(let token): toExamine.append(token)
            case .giveUp(let token, let failure): conclude(token, &events) { try $0.giveUp(failure) }
            case .vanished(let token): conclude(token, &events) { try $0.vanished() }
            }
        }
    }

    private mutating func examine(_ token: ClaimToken, _ events: inout [Event]) {
        let isLast = retries[token, default: 0] >= Backoff.mostRetries
        let crashes = reception.examinations.crashes(of: token)
        if crashes == 0 {
            conclude(token, &events) { try $0.examine(isLast: isLast) }
        } else if crashes < max(2, pipeline.configuration.limits.attempts) {
            // The first crash may be a neighbour's.
            firstPass(over: token)?.examineApart(isLast: isLast)
        } else {
            conclude(token, &events) { pass in
                try pass.giveUp(
                    Failure(
                        .crashed,
                        "whoever read this file ended abruptly, \(crashes) times: look for the cause in the log, and at the file."
                    ))
            }
        }
    }

    /// What came of a first pass on another thread.
    mutating func examined(_ token: ClaimToken, _ result: Result<QueuedJob?, any Error>) -> [Event] {
        var events: [Event] = []
        guard firstPass(over: token) != nil else {
            // This line is newer than the question.
            if case .success(let job?) = result { return [.admitted(job)] }
            mustCompare = true
            return []
        }
        conclude(token, &events) { pass in
            do {
                return try result.get()
            } catch let failure as Failure where failure.code == .notFound {
                return try pass.vanished()
            }
        }
        return events
    }

    /// Nil for a file that this line does not wait for.
    private func firstPass(over token: ClaimToken) -> FirstPass? {
        let job = changed[token]
        guard let name = names[token] ?? job.flatMap({ FileName($0.name) }) else { return nil }
        return FirstPass(
            pipeline: pipeline, store: store, reception: reception, token: token, name: name, job: job)
    }

    /// Brings a file's waiting to its end, or keeps it waiting if that was not possible.
    private mutating func conclude(
        _ token: ClaimToken, _ events: inout [Event], _ body: (FirstPass) throws -> QueuedJob?
    ) {
        guard let pass = firstPass(over: token) else { return }
        do {
            let job = try body(pass)
            reception.examinations.forget(token)
            pending.remove(token)
            names[token] = nil
            changed[token] = nil
            retries[token] = nil
            if let job { events.append(.admitted(job)) }
        } catch let failure as Failure where failure.code.mayBeUnfinished {
            pending.incomplete(token, failure)
        } catch is Reception.Stopped {
            // The next start finds it in work/.
        } catch let failure as Failure where failure.code == .wrongState && changed[token] != nil {
            // A person held or cancelled the job meanwhile: it is no longer this line's to bring to an end.
            pending.remove(token)
            changed[token] = nil
            retries[token] = nil
        } catch {
            events.append(.trouble(error as? Failure ?? Failure(.internal, "\(error)")))
            let before = retries[token, default: 0]
            retries[token] = before + 1
            pending.retry(token, at: Monotonic.now + Backoff.delay(retries: before))
        }
    }

    /// Opens the pipeline's directories anew after they were removed or replaced; they are made if missing.
    private mutating func reopen() -> [Event] {
        let wasLost = reopenAt != nil
        mustReopen = false
        if (try? pipeline.spool.verify()) != nil {
            reopenAt = nil
            mustList = true
            return wasLost ? [.spoolBack] : []
        }
        do {
            try pipeline.reopenSpool()
            intake = Self.unwatched(pipeline)
            reopenAt = nil
            mustList = true
            isWatched = false
            return (watch().map { [.trouble($0)] } ?? []) + [.spoolBack]
        } catch {
            reopenAt = Monotonic.now + Self.reopenAfter
            return wasLost ? [] : [.spoolLost(error as? Failure ?? Failure(.internal, "\(error)"))]
        }
    }
}
