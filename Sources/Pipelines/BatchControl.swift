import Accounting
import Failures
import Spooling
import Synchronization

/// How others talk to a batch that is being computed: they ask it to end early, and see how far it is.
///
/// It is asked with every buffer read and after every chunk, so it ends within the time of one chunk.
public final class BatchControl: Sendable {
    /// Why a batch should end early. It goes back to the queue, its attempt given back, and then further.
    public enum Request: Error, Sendable {
        case stop
        case hold
        case cancel

        /// Where the job goes from the queue; nil if it stays there.
        public var nextState: JobState? {
            switch self {
            case .stop: nil
            case .hold: .held
            case .cancel: .cancelled
            }
        }
    }

    private struct State {
        var request: Request?
        /// When the service was asked to stop, whatever a person asked for before.
        var stopAsked: Monotonic.Instant?
        var rowsDone = 0
    }

    private let state = Mutex(State())
    private let deadline: Monotonic.Instant
    private let limit: Duration
    public let started = Monotonic.now

    /// Shows that there is progress.
    let beat: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: the time that the attempt may take.
    ///   - beat: called again and again, from any thread, to show that there is progress.
    public init(limit: Duration, beat: @escaping @Sendable () -> Void = {}) {
        self.limit = limit
        self.beat = beat
        deadline = Monotonic.now + limit
    }

    /// The first request stands; stopping the service does not overrule a person's wish.
    public func ask(_ request: Request) {
        state.withLock { state in
            state.request = state.request ?? request
            if case .stop = request { state.stopAsked = state.stopAsked ?? Monotonic.now }
        }
    }

    public var rowsDone: Int { state.withLock(\.rowsDone) }

    /// Whether the service has been waiting for this batch to end for so long.
    func isStopDue(after patience: Duration) -> Bool {
        state.withLock { $0.stopAsked.map { Monotonic.now - $0 >= patience } ?? false }
    }

    /// Throws what a person asked for; a stop only ends what is not computed yet.
    func heed() throws {
        switch state.withLock(\.request) {
        case .hold?: throw Request.hold
        case .cancel?: throw Request.cancel
        case .stop?, nil: break
        }
    }

    /// Called after each chunk, and with no rows while there is none yet.
    ///
    /// - Throws: `Request` if the batch is to end early; `deadline` if its time is over.
    func advance(rows: Int = 0) throws {
        beat()
        let request = state.withLock { state in
            state.rowsDone += rows
            return state.request
        }
        if let request { throw request }
        guard Monotonic.now < deadline else {
            throw Failure(
                .deadline, "the batch was not done within \(limit): raise limits.deadline or drop smaller batches.")
        }
    }
}
