import Accounting
import Failures
import Pipelines
import Spooling

/// The first pass over a file in work/: it becomes a job, or the job whose file has changed is brought up to date.
struct FirstPass: Sendable {
    /// What a process of its own gets for it, and how fast it must read at least.
    private static let patience = Duration.seconds(10)
    private static let leastBytesPerSecond = 16 << 20
    private static let mostPatience = Duration.seconds(60)

    let pipeline: Pipeline
    let store: Store
    let reception: Reception
    let token: ClaimToken
    let name: FileName
    /// The job whose file changed; nil for a file that is no job yet.
    let job: QueuedJob?

    private var life: BatchLife { BatchLife(pipeline: pipeline, store: store) }

    /// - Parameter isLast: whether a passing failure ends it.
    /// - Returns: nil if the file is gone and forgotten.
    func examine(isLast: Bool) throws -> QueuedJob? {
        do {
            return try reception.examinations.withInHand(token) {
                try pass(isLast: isLast, in: nil, progress: reception.progress)
            }
        } catch let failure as Failure where failure.code == .notFound {
            return try vanished()
        }
    }

    /// One that may take down or hold up whoever does it: in a process of its own, which has only so much time, and on
    /// another thread, so that files which come meanwhile need not wait. The reception hears what came of it.
    func examineApart(isLast: Bool) {
        let bytes = (try? pipeline.spool.stamp(of: token)?.size) ?? 0
        let limit = min(Self.patience + .seconds(Int(bytes) / Self.leastBytesPerSecond), Self.mostPatience)
        reception.examineApart(token, of: pipeline.name) {
            let deadline = Monotonic.now + limit
            let tick: () throws -> Void = {
                if reception.isStopping { throw Reception.Stopped() }
                guard Monotonic.now < deadline else {
                    throw Failure(
                        .deadline, "the first pass over this file was not done within \(limit): look at the file.")
                }
            }
            do {
                return try pass(isLast: isLast, in: reception.isolation, progress: tick)
            } catch let failure as Failure where failure.code.countsAttempt {
                reception.examinations.count(token)
                throw failure
            }
        }
    }

    private func pass(
        isLast: Bool, in isolation: Isolation?, progress: @escaping () throws -> Void
    ) throws -> QueuedJob {
        if let job { return try life.readmit(job, isLast: isLast, in: isolation, progress: progress) }
        return try life.admit(token, name: name, isLast: isLast, in: isolation, progress: progress)
    }

    func giveUp(_ failure: Failure) throws -> QueuedJob? {
        if let job { return try life.giveUp(job, failure) }
        return try life.refuse(token, name: name, failure)
    }

    func vanished() throws -> QueuedJob? {
        if pipeline.mayComeBack { throw life.away(name) }
        if let job { return try life.giveUp(job, Failure(.ioError, "\(name) was removed from work/: drop it again.")) }
        try store.forgetClaim(token.text)
        return nil
    }
}
