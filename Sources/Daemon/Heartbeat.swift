import Spooling
import Synchronization

/// Whether a thread makes progress: it says when it takes up work, beats while it is at it, and says when it rests.
package final class Heartbeat: Sendable {
    private let workingSince = Mutex<Monotonic.Instant?>(nil)

    package init() {}

    package func beat() { workingSince.withLock { $0 = Monotonic.now } }

    package func rest() { workingSince.withLock { $0 = nil } }

    /// Whether it has been at work without a beat for longer than this.
    package func isStuck(for limit: Duration, at now: Monotonic.Instant = Monotonic.now) -> Bool {
        workingSince.withLock { since in since.map { now - $0 > limit } ?? false }
    }
}
