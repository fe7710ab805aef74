import Accounting
import EmbeddingSets
import Failures
import Foundation
import Refinement
import Spooling

/// The life of a batch, from top to bottom. Each step is durable before the next begins:
///
/// 0. `claim`: note the file's name under a token, in SQLite
/// 1. `claim`: rename incoming/NAME to work/TOKEN
/// 2. `admit`: first pass (hash, validate), then the job row
/// 3. `begin`: count the attempt
/// 4. `compute`: decode, refine and classify in chunks; results stay in memory
/// 5. `compute`: the refined vectors, if asked for
/// 6. `settle`: one transaction makes all rows visible and settles the job
/// 7. `file`: rename work/TOKEN to done/JOB--NAME, or to failed/ with the reason beside it
///
/// Killed between any two steps, it is taken up again by `Recovery`. Steps 0 to 2 belong to the thread that admits,
/// 3 to 5 to the one that computes, and 6 and 7 may be done while the next batch is at 4.
public struct BatchLife: Sendable {
    let pipeline: Pipeline
    let store: Store

    public init(pipeline: Pipeline, store: Store) {
        self.pipeline = pipeline
        self.store = store
    }

    /// A file in work/ that is no job yet.
    public struct Claim: Sendable {
        public let token: ClaimToken
        public let name: FileName
        public let stamp: FileStamp

        public init(token: ClaimToken, name: FileName, stamp: FileStamp) {
            self.token = token
            self.name = name
            self.stamp = stamp
        }
    }

    // MARK: - Steps 0 and 1

    /// Takes files out of incoming/. One that has vanished or cannot be moved is left to the next scan; one whose move is
    /// not known to be durable, to the next `Recovery.claims`.
    public func claim(_ names: [FileName]) throws -> (claims: [Claim], failures: [Failure]) {
        let pairs = names.map { (name: $0, token: ClaimToken.random()) }
        try store.noteClaims(
            pairs.map { name, token in
                let plain = name.withoutAgainMark
                return ClaimNote(
                    token: token.text, pipeline: pipeline.name, name: (plain ?? name).bytes, again: plain != nil)
            })
        var claims: [Claim] = []
        var failures: [Failure] = []
        for ((name, token), outcome) in zip(pairs, pipeline.spool.claim(pairs)) {
            switch outcome {
            case .claimed(let stamp):
                claims.append(Claim(token: token, name: name.withoutAgainMark ?? name, stamp: stamp))
            // A note that stays behind is forgotten, and a file that is in work/ all the same is taken up, when work/ is
            // compared with the notes (`Recovery.claims`).
            case .vanished: try? store.forgetClaim(token.text)
            case .failed(let failure): failures.append(failure)
            }
        }
        return (claims, failures)
    }

    // MARK: - Steps 3 to 7

    /// What became of an attempt.
    public enum Outcome: Sendable {
        /// All rows are visible.
        case done(DoneBatch)
        case failed(Failure)
        /// A passing failure: to be tried again at its `notBefore`.
        case retrying(QueuedJob, Failure)
        /// The store takes nothing at present: nothing was begun, and no other job can be.
        case notNow(Failure)
        /// Asked to end early; the attempt does not count.
        case returned(BatchControl.Request)
        /// The file had other bytes than the first pass saw: somebody still writes to it.
        case changed(QueuedJob)
        /// The job no longer waits: a person was quicker.
        case skipped
    }

    /// Step 3: counts an attempt at a job.
    ///
    /// - Parameter computed: a batch that is to be committed while this one is computed.
    /// - Returns: nil once it is begun; else why not, `skipped` or `notNow`.
    public func begin(_ job: QueuedJob, besides computed: Computed? = nil) throws -> Outcome? {
        do {
            let other = (try? computed?.result.get()).map { (computed?.job.id ?? 0, $0.timings) }
            try store.begin(job.id, pipeline.execution, besides: other)
            return nil
        } catch let failure as Failure where failure.code == .wrongState {
            return .skipped
        } catch let failure as Failure where failure.code.isTransient {
            return .notNow(failure)
        }
    }

    /// What steps 4 and 5 came to: all that is to be stored of a batch, or what ended it.
    public struct Computed: Sendable {
        fileprivate let job: QueuedJob
        fileprivate let result: Result<Ready, any Error>

        /// Whether there are results to be stored.
        public var isReady: Bool { (try? result.get()) != nil }
    }

    fileprivate struct Ready: Sendable {
        let output: BatchComputation.Output
        let featuresPath: String?
        let seconds: Double

        var timings: Timings { Timings(decode: output.decodeSeconds, refine: output.refineSeconds) }
    }

    private struct BytesChanged: Error {}

    /// Steps 4 and 5. Writes nothing to the store.
    ///
    /// - Parameter isolation: to do it in a process of its own; nil for this one.
    public func compute(_ job: QueuedJob, control: BatchControl, in isolation: Isolation? = nil) -> Computed {
        Computed(job: job, result: Result { try ready(job, control, isolation) })
    }

    private func ready(_ job: QueuedJob, _ control: BatchControl, _ isolation: Isolation?) throws -> Ready {
        let began = Monotonic.now
        let (token, name) = try identify(job)
        do {
            try pipeline.spool.checkReadable(token, name: name)
        } catch let failure as Failure where failure.code == .notFound && pipeline.mayComeBack {
            throw away(name)
        }
        let (output, featuresPath): (BatchComputation.Output, String?)
        do {
            (output, featuresPath) =
                try isolation.map { try compute(job, token, name, control, apart: $0) }
                ?? compute(job, token, name, control)
        } catch let failure as Failure where !failure.code.isTransient && !failure.code.countsAttempt {
            // The first pass found nothing wrong with this file. Either it is another one by now, or we are wrong.
            let isSame = try failure.code == .internal || digest(token, name, control, isolation) == job.sha256
            throw isSame ? failure : BytesChanged()
        }
        guard output.sha256 == job.sha256 else { throw BytesChanged() }
        guard output.columns.okRows > 0 else {
            throw Failure(
                .nonFiniteRows,
                "none of the \(output.columns.rows) rows has finite, non-zero values and a finite result: look at how they "
                    + "were made.")
        }
        return Ready(output: output, featuresPath: featuresPath, seconds: (Monotonic.now - began).seconds)
    }

    private func compute(
        _ job: QueuedJob, _ token: ClaimToken, _ name: FileName, _ control: BatchControl
    ) throws -> (BatchComputation.Output, String?) {
        let computation = BatchComputation(
            path: pipeline.spool.layout.path(of: token), name: name.displayText,
            limits: pipeline.configuration.fileLimits, refiner: pipeline.refiner, topK: pipeline.configuration.topK)
        let features = try FeatureFile.Plan(for: job, pipeline: pipeline).map { try FeatureFile($0) }
        let output = try computation.run(rows: job.rows ?? 0, control: control, refined: features?.append)  // 4
        return (output, try features?.finish())  // 5
    }

    private func compute(
        _ job: QueuedJob, _ token: ClaimToken, _ name: FileName, _ control: BatchControl, apart isolation: Isolation
    ) throws -> (BatchComputation.Output, String?) {
        let configuration = pipeline.refiner.configuration
        let work = IsolatedTask.Computation(
            model: pipeline.keptModel, solver: configuration.solver, steps: configuration.steps,
            topK: pipeline.configuration.topK, rows: job.rows ?? 0,
            features: FeatureFile.Plan(for: job, pipeline: pipeline))
        return try isolation.compute(
            task(token, name, .compute(work)), classes: pipeline.refiner.classes.count
        ) { try control.advance() }
    }

    func task(_ token: ClaimToken, _ name: FileName, _ work: IsolatedTask.Work) -> IsolatedTask {
        IsolatedTask(
            path: pipeline.spool.layout.path(of: token), name: name.displayText,
            limits: pipeline.configuration.fileLimits, memory: pipeline.isolatedMemory, work: work)
    }

    /// Steps 6 and 7: records what became of an attempt, and moves the file.
    ///
    /// - Parameters:
    ///   - control: the one it was computed under. A person who asked in the meantime is heard; it is not too late to store
    ///     what is computed when the service is to stop.
    ///   - beat: called again and again to show that there is progress.
    /// - Throws: only what the store says when it cannot record the outcome.
    public func settle(
        _ computed: Computed, control: BatchControl, beat: @escaping @Sendable () -> Void = {}
    ) throws -> Outcome {
        let job = computed.job
        let patience = Patience(control: control, beat: beat)
        let outcome: Outcome
        do {
            let ready = try computed.result.get()
            try control.heed()
            outcome = try complete(job, ready, beat)
        } catch let request as BatchControl.Request {
            try patience.insist { try store.returnToQueue(job.id, then: request.nextState) }
            outcome = .returned(request)
        } catch let failure as Failure {
            outcome = try settle(job, failure, patience)
        } catch is BytesChanged {
            try patience.insist { try store.returnToQueue(job.id, then: nil) }
            return .changed(try patience.insist { try store.job(job.id) })
        }
        var commitSeconds: Double?
        if case .done(let batch) = outcome { commitSeconds = batch.commitSeconds }
        try? file(store.job(job.id), commitSeconds: commitSeconds)  // 7; if it fails, the next scan files it
        return outcome
    }

    private func complete(_ job: QueuedJob, _ ready: Ready, _ beat: @escaping @Sendable () -> Void) throws -> Outcome {
        let output = ready.output
        let completion = try store.complete(  // 6
            job.id, ResultBatch(output, classes: pipeline.refiner.classes, order: pipeline.refiner.configuration.order),
            ready.timings, featuresPath: ready.featuresPath, progress: beat)
        let columns = output.columns
        return .done(
            DoneBatch(
                rows: columns.rows, rowsOK: columns.okRows, evaluations: columns.rows * pipeline.refiner.evaluations,
                topScores: columns.sumOfTopScores, queueSeconds: completion.queueSeconds,
                decodeSeconds: output.decodeSeconds, refineSeconds: output.refineSeconds,
                commitSeconds: completion.commitSeconds, seconds: ready.seconds + completion.commitSeconds))
    }

    /// What the file's bytes are now; nil if they are no set any more.
    private func digest(
        _ token: ClaimToken, _ name: FileName, _ control: BatchControl, _ isolation: Isolation?
    ) throws -> String? {
        do {
            return try inspect(token, name: name, in: isolation) { try control.advance() }.sha256
        } catch let failure as Failure where !failure.code.countsAttempt {
            return nil
        }
    }

    /// Only passing failures, and crashes and deadlines while attempts are left, are tried again.
    private func settle(_ job: QueuedJob, _ failure: Failure, _ patience: Patience) throws -> Outcome {
        let limits = pipeline.configuration.limits
        let again =
            switch failure.code {
            case .deadline, .crashed: job.attempts + 1 < limits.attempts
            case .ioError: job.retries < Backoff.mostRetries
            default: failure.code.isTransient
            }
        guard again else {
            try patience.insist { try store.fail(job.id, failure) }
            return .failed(failure)
        }
        let notBefore = Date().addingTimeInterval(Backoff.delay(retries: job.retries).seconds)
        try patience.insist { try store.retry(job.id, failure, notBefore: notBefore) }
        return .retrying(try patience.insist { try store.job(job.id) }, failure)
    }

    // MARK: - Step 7

    /// Moves a settled job's file to done/ or failed/; may be repeated.
    ///
    /// - Parameter commitSeconds: how long the commit took, which is only known after it, and so recorded here.
    /// - Throws: passing failures; the job stays on the store's list of unfiled ones.
    func file(_ job: QueuedJob, commitSeconds: Double? = nil) throws {
        guard job.state.isSettled else { return }
        try Filing(spool: pipeline.spool, store: store, mayComeBack: pipeline.mayComeBack).file(
            job, commitSeconds: commitSeconds)
    }

    /// A file that is away with the directory that it was in.
    package func away(_ name: FileName?) -> Failure {
        Failure(
            .ioError,
            "\(name?.displayText ?? "a file") went away with the directories of pipeline \(pipeline.name): put them back, or "
                + "the file into work/; it is waited for.")
    }

    func filedIfSettled(_ id: JobID) throws -> QueuedJob {
        let job = try store.job(id)
        try? file(job)
        return job
    }

    func identify(_ job: QueuedJob) throws -> (ClaimToken, FileName) {
        guard let token = ClaimToken(job.token), let name = FileName(job.name) else {
            throw Failure(.internal, "job \(job.id) has an impossible token or name: report this.")
        }
        return (token, name)
    }
}

extension ResultBatch {
    fileprivate init(_ output: BatchComputation.Output, classes: [String], order: Int) {
        let ids: ResultIDs =
            switch output.ids {
            case .ordinal: .ordinal
            case .integers(let values): .integers(values)
            case .utf8(let bytes, let offsets): .utf8(bytes: bytes, offsets: offsets)
            }
        let columns = output.columns
        self.init(
            rows: columns.rows, ids: ids, statuses: columns.statuses.map(\.rawValue), topK: columns.topK,
            topClasses: columns.topClasses, topScores: columns.topScores, margins: columns.margins,
            classNames: classes, refined: order > 0)
    }
}

/// For records that must be made: the store must not say `running` of a job that nobody runs.
private struct Patience {
    let control: BatchControl
    let beat: @Sendable () -> Void

    /// Records something even if the store takes nothing at present: waits until it does. A service that is to stop gives
    /// it ten seconds.
    func insist<Value>(_ record: () throws -> Value) throws -> Value {
        while true {
            do {
                return try record()
            } catch let failure as Failure where failure.code.isTransient && !control.isStopDue(after: .seconds(10)) {
                beat()
                Thread.sleep(forTimeInterval: 0.1)
            }
        }
    }
}
