import Spooling

/// How many lines of one kind are written: a pure state machine, told the time.
///
/// Of equal events within ten seconds the first twenty are written, and the others counted.
package struct LogRate {
    package static let window = Duration.seconds(10)
    package static let most = 20

    private struct Kind {
        let until: Monotonic.Instant
        var written: Int
        var left = 0
    }

    private var kinds: [String: Kind] = [:]

    package init() {}

    package enum Verdict: Equatable {
        case write
        /// Not to be written; the first one that is left out says when to ask for `summaries`.
        case leaveOut(isFirst: Bool)
    }

    package mutating func admit(_ kind: String, at now: Monotonic.Instant) -> Verdict {
        // What is to be summarised stays until it is.
        if let old = kinds[kind], old.left == 0, old.until <= now { kinds[kind] = nil }
        if kinds.count > 1_000 { kinds = kinds.filter { $0.value.left > 0 || $0.value.until > now } }
        var entry = kinds[kind] ?? Kind(until: now + Self.window, written: 0)
        defer { kinds[kind] = entry }
        guard entry.written >= Self.most else {
            entry.written += 1
            return .write
        }
        entry.left += 1
        return .leaveOut(isFirst: entry.left == 1)
    }

    /// What was left out in windows that have ended, or in all of them; each is told once.
    package mutating func summaries(at now: Monotonic.Instant, all: Bool = false) -> [(kind: String, left: Int)] {
        let ended = kinds.filter { all || $0.value.until <= now }
        for kind in ended.keys { kinds[kind] = nil }
        return ended.filter { $0.value.left > 0 }.map { ($0.key, $0.value.left) }.sorted { $0.0 < $1.0 }
    }
}
