import Failures
import Spooling
import Synchronization

/// How others talk to a batch that is being computed: they ask it to end early, and see how far it is.
///
/// It is asked between chunks, so it ends within the time of one chunk.
public final class BatchControl: Sendable {
    /// Why a batch should end early. It goes back to the queue, its attempt given back, and then further.
    public enum Request: Error, Sendable {
        case stop
        case hold
        case cancel
    }

    private struct State {
        var request: Request?
        var rowsDone = 0
    }

    private let state = Mutex(State())
    private let deadline: Monotonic.Instant
    private let limit: Duration
    public let started = Monotonic.now

    private let beat: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: the time that the attempt may take.
    ///   - beat: called at every chunk, to show that there is progress.
    public init(limit: Duration, beat: @escaping @Sendable () -> Void = {}) {
        self.limit = limit
        self.beat = beat
        deadline = Monotonic.now + limit
    }

    /// The first request stands; stopping the service does not overrule a person's wish.
    public func ask(_ request: Request) {
        state.withLock { $0.request = $0.request ?? request }
    }

    public var rowsDone: Int { state.withLock(\.rowsDone) }

    var isAsked: Bool { state.withLock { $0.request != nil } }

    /// Called after each chunk.
    ///
    /// - Throws: `Request` if the batch is to end early; `deadline` if its time is over.
    func advance(rows: Int) throws {
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
