import Dispatch
import Foundation
import Logging
import Spooling
import Synchronization

/// Keeps a flood of equal events from burying what else happens: the store has every job, the log need not.
package final class LogLimiter: Sendable {
    /// All that this process writes goes to one place.
    package static let standard = LogLimiter()

    private struct State {
        var rate = LogRate()
        /// How the first of a kind that was left out would say how many more there were.
        var summaries: [String: @Sendable (Int) -> Void] = [:]
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "sono.log")

    package init() {}

    /// Whether to write an event; if not, `summary` is called at the end of its time with the number left out.
    func admits(_ kind: String, summary: @escaping @Sendable (Int) -> Void) -> Bool {
        let verdict = state.withLock { state in
            let verdict = state.rate.admit(kind, at: Monotonic.now)
            if verdict == .leaveOut(isFirst: true) { state.summaries[kind] = summary }
            return verdict
        }
        if verdict == .leaveOut(isFirst: true) {
            queue.asyncAfter(deadline: .now() + LogRate.window / .seconds(1)) { [self] in flush(all: false) }
        }
        return verdict == .write
    }

    /// Writes the summaries that are due, or all of them, as before the end.
    package func flush(all: Bool = true) {
        let due = state.withLock { state in
            state.rate.summaries(at: Monotonic.now, all: all).compactMap { kind, left in
                state.summaries.removeValue(forKey: kind).map { ($0, left) }
            }
        }
        for (write, left) in due { write(left) }
    }
}
