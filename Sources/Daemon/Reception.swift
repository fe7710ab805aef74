import Accounting
import Dispatch
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization

/// Finds, claims and admits files, on a thread of its own, so that they become jobs while a batch is computed.
///
/// Others talk to it by messages; everything it knows is local to its thread (`ReceptionLoop`).
package final class Reception: Sendable {
    enum Message: Sendable {
        /// Serve these pipelines in place of those before.
        case serve([String: Pipeline])
        /// Something may have arrived.
        case look(String)
        /// The pipeline's directories were removed or replaced.
        case lost(String)
        /// A file was put into work/ to become a job again, or may have been.
        case requeued(String)
        /// A job's file had other bytes on the second pass.
        case changed(QueuedJob)
        /// What came of a first pass that was done apart.
        case examined(ClaimToken, pipeline: String, Result<QueuedJob?, any Error>)
        case noSpace(Failure)
        case stop
    }

    let heartbeat = Heartbeat()
    let mailbox = Mailbox<Message>()
    /// Held by whoever puts files into work/ on another thread, and while work/ is compared with the notes.
    let requeueing = Mutex(())
    /// For files that the service has ended abruptly over.
    let isolation: Isolation
    let examinations: Examinations
    /// First passes over such files, one after the other, and which they are.
    private let suspects = DispatchQueue(label: "sono.suspects.reception")
    private let apart = Mutex<Set<ClaimToken>>([])
    private let ended = DispatchSemaphore(value: 0)
    private let stopping = Mutex(false)

    package init(isolation: Isolation, examinations: Examinations) {
        self.isolation = isolation
        self.examinations = examinations
    }

    var isStopping: Bool { stopping.withLock { $0 } }

    /// Ends a first pass because the service stops.
    struct Stopped: Error {}

    /// Said with every buffer that a first pass reads: it may take minutes.
    func progress() throws {
        heartbeat.beat()
        if isStopping { throw Stopped() }
    }

    func start(
        store: Store, paths: ServicePaths, lane: Lane, board: Board, logger: Logger,
        onChange: @escaping @Sendable () -> Void
    ) {
        Thread.work("sono.reception", signalling: ended) { [self] in
            var loop = ReceptionLoop(
                reception: self, store: store, paths: paths, lane: lane, board: board, logger: logger,
                onChange: onChange)
            loop.run()
        }
    }

    func post(_ message: Message) { mailbox.post(message) }

    func stop() {
        stopping.withLock { $0 = true }
        post(.stop)
    }

    func waitUntilStopped() {
        ended.wait()
        suspects.sync {}
    }

    var tokensApart: Set<ClaimToken> { apart.withLock { $0 } }

    /// Does a first pass on another thread; `Message.examined` tells what came of it. One that is under way is left to it.
    func examineApart(
        _ token: ClaimToken, of pipeline: String, _ examination: @escaping @Sendable () throws -> QueuedJob?
    ) {
        guard apart.withLock({ $0.insert(token).inserted }) else { return }
        suspects.async { [self] in
            let result = Result { try examination() }
            apart.withLock { _ = $0.remove(token) }
            post(.examined(token, pipeline: pipeline, result))
        }
    }
}
