import Accounting
import Failures
import Foundation
import Pipelines
import Spooling

/// Changes that a person asks for, applied to the store, the lane and the spool.
struct Control: Sendable {
    let store: Store
    let reader: StoreReader
    let paths: ServicePaths
    let lane: Lane?
    let reception: Reception?
    let board: Board?
    let retention: RetentionLoop?

    /// - Throws: `wrong_state`, `not_found`.
    func apply(_ verb: ControlVerb, to id: JobID) throws -> ControlReply {
        switch verb {
        case .hold:
            try apply(.hold, to: id) { try store.hold(id) }
            lane?.remove(id)
        case .cancel:
            try apply(.cancel, to: id) { try store.cancel(id) }
            lane?.remove(id)
            Recovery(store: store, paths: paths).fileSettled()
        case .release:
            try store.release(id)
            lane?.add(try store.job(id))
        case .requeue:
            try requeue(id)
        }
        return ControlReply(job: try reader.job(id), requeued: verb == .requeue)
    }

    /// Takes away what has had its time, or says what would go.
    func collect(dryRun: Bool) throws -> RetentionReport {
        if let retention, !dryRun { return try retention.collectNow() }
        let wishes = try board.map { Retention($0.snapshot.retention) } ?? Retention(configuration: paths.configuration)
        return try dryRun ? wishes.count(reader: reader) : wishes.collect(store: store, paths: paths)
    }

    /// A running batch is asked to end and go there by itself. What the lane does not have, or has let go of some other way,
    /// is changed in the store, which says so if that cannot be.
    private func apply(_ request: BatchControl.Request, to id: JobID, _ body: () throws -> Void) throws {
        let giveUp = Monotonic.now + .seconds(20)
        var isAsked = false
        while lane?.interrupt(id, request) == true {
            isAsked = true
            guard Monotonic.now < giveUp else {
                throw Failure(
                    .unavailable, "job \(id) is asked to end but has not yet: look at `sono job \(id)` in a moment.")
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
        if isAsked, try store.job(id).state == request.nextState { return }
        try body()
    }

    private func requeue(_ id: JobID) throws {
        let token = ClaimToken.random()
        let pipeline = try store.job(id).pipeline
        if let board, case .success? = board.snapshot.pipelines[pipeline] {
        } else if board != nil {
            throw Failure(.wrongState, "pipeline \(pipeline) does not run: configure it first.")
        }
        guard let reception else { return try putBack(id, token, of: pipeline) }
        // Whether it went well or not: what is in work/ then is taken up, and a note without a file is forgotten.
        defer { reception.post(.requeued(pipeline)) }
        try reception.requeueing.withLock { _ in try putBack(id, token, of: pipeline) }
    }

    private func putBack(_ id: JobID, _ token: ClaimToken, of pipeline: String) throws {
        let requeue = try store.requeue(id, token: token.text)
        guard let filed = FileName(requeue.filedAs) else {
            throw Failure(.internal, "job \(id) has an impossible file name: report this.")
        }
        let spool = try SpoolDirectory(SpoolLayout(root: paths.spool, pipeline: pipeline))
        guard try spool.reclaim(filed, from: requeue.underFailed ? .failed : .done, token: token) else {
            try store.forgetClaim(token.text)
            if let successor = try reader.successor(of: id) {
                throw Failure(.wrongState, "job \(id) was requeued as job \(successor): use that one.")
            }
            throw Failure(.notFound, "the input of job \(id) is no longer kept: drop it again.")
        }
    }
}
