import Dispatch
import Foundation

/// Tells systemd at half its interval that the service makes progress, for as long as it does.
///
/// It beats only when every heart that works has beaten lately, so that a thread that hangs lets systemd act.
final class Watchdog: Sendable {
    private let stopped = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Nil where systemd did not ask for it.
    init?(notifier: Notifier, hearts: [Heartbeat]) {
        guard let interval = notifier.watchdog else { return nil }
        // A commit of millions of rows is one step, and may take longer than a short interval.
        let patience = max(interval, .seconds(120))
        Thread.work("sono.watchdog", signalling: ended) { [stopped] in
            repeat {
                if hearts.allSatisfy({ !$0.isStuck(for: patience) }) { notifier.alive() }
            } while stopped.wait(timeout: .now() + interval / .seconds(1) / 2) == .timedOut
        }
    }

    func stop() {
        stopped.signal()
        ended.wait()
    }
}
