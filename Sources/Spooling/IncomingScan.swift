/// Decides what to do with the entries of incoming/: a pure state machine, fed with listings, told the time.
///
/// - An entry that arrived by rename while watched is claimed at once.
/// - One that arrived by link while watched is claimed at the next listing, which is due at once. A link and the start
///   of a write look the same at first (IN_CREATE), but a writer's IN_OPEN is queued before it can write its first
///   byte: an entry that had bytes in one listing and that nobody has opened before the next one came by link.
/// - Every other entry, and all that is found at start, must keep kind, size, mtime and ctime for `settle`.
/// - What is not a regular file is claimed under the same rules, so that a directory is not taken from under `cp -r`;
///   it is refused when it is examined, and never opened.
///
/// A name is given once. If the entry is still there afterwards, because it could not be claimed, it is given again after
/// 2 s, 4 s, and so on up to a minute; a changed entry starts afresh. The order is oldest first.
public struct IncomingScan: Sendable {
    private struct Watched {
        var stamp: FileStamp
        var since: Monotonic.Instant
        var mayBeLink: Bool
        var due: Monotonic.Instant
        var timesGiven = 0
    }

    private let settle: Duration
    private var watched: [FileName: Watched] = [:]

    public init(settle: Duration = .seconds(2)) {
        self.settle = settle
    }

    /// When the next listing is due even if nothing happens; nil when nothing is waiting.
    public var nextDeadline: Monotonic.Instant? {
        watched.values.lazy.map(\.due).min()
    }

    /// How many entries wait in incoming/ for their time, or to be claimed.
    public var waitingCount: Int { watched.count }

    /// Takes in a listing and gives the names that are to be claimed.
    ///
    /// - Parameters:
    ///   - entries: the whole of incoming/ without ignored names.
    ///   - arrivals: what the watch saw up to a moment *before* the listing began.
    public mutating func step(
        _ entries: [IncomingEntry], arrivals: Arrivals = Arrivals(), at now: Monotonic.Instant
    ) -> [FileName] {
        var next: [FileName: Watched] = [:]
        next.reserveCapacity(entries.count)
        var due: [(entry: IncomingEntry, since: Monotonic.Instant)] = []
        for entry in entries {
            var state = look(at: entry, arrivals: arrivals, now: now)
            if state.due <= now {
                due.append((entry, state.since))
                state.timesGiven += 1
                state.due = now + IncomingScan.pause(afterAttempt: state.timesGiven)
            }
            next[entry.name] = state
        }
        watched = next
        due.sort { left, right in
            (left.since, left.entry.stamp.modified, left.entry.name)
                < (right.since, right.entry.stamp.modified, right.entry.name)
        }
        return due.map(\.entry.name)
    }

    /// It has left incoming/. A new entry of the same name starts afresh.
    public mutating func left(_ name: FileName) {
        watched[name] = nil
    }

    private func look(at entry: IncomingEntry, arrivals: Arrivals, now: Monotonic.Instant) -> Watched {
        let event = arrivals.events[entry.name]
        if event == .renamed {
            return Watched(stamp: entry.stamp, since: now, mayBeLink: false, due: now)
        }
        // The producer's unlink of the first name changes ctime, so a link is known by its inode.
        if let state = watched[entry.name], state.mayBeLink, state.stamp.isSameFile(as: entry.stamp), event == nil,
            !arrivals.overflowed
        {
            return Watched(stamp: entry.stamp, since: state.since, mayBeLink: false, due: now)
        }
        if let state = watched[entry.name], !state.mayBeLink, state.stamp == entry.stamp { return state }
        let mayBeLink = event == .created && entry.stamp.kind == .regular && entry.stamp.size > 0
        // Due "next": later than this listing, but without waiting.
        let due = mayBeLink ? now + .nanoseconds(1) : now + settle
        return Watched(stamp: entry.stamp, since: now, mayBeLink: mayBeLink, due: due)
    }

    private static func pause(afterAttempt attempt: Int) -> Duration {
        .seconds(min(60, 1 << min(attempt, 6)))
    }
}
