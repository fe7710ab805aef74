import Failures

/// Looks into incoming/: the watch, the listing and the decision, in the one order that misses nothing.
///
/// A struct to be owned by whoever serialises the looks; it holds no clock and starts nothing by itself. Look at start,
/// on every hint, at `nextDeadline`, and once a minute.
public struct Intake: Sendable {
    public let directory: SpoolDirectory
    private let watcher: IncomingWatcher?
    private var scan: IncomingScan

    /// - Parameter watcher: must have been made for this very `directory` before the first look; without one, files are
    ///   found at the next regular look and all of them must settle.
    public init(directory: SpoolDirectory, watcher: IncomingWatcher?, settle: Duration = .seconds(2)) {
        self.directory = directory
        self.watcher = watcher
        scan = IncomingScan(settle: settle)
    }

    /// What is to be claimed now, oldest first, and why entries could not be looked at. A name comes again later while it
    /// is still there.
    ///
    /// - Throws: `io_error` when a directory is gone; then open everything anew.
    public mutating func look(at now: Monotonic.Instant) throws -> (names: [FileName], troubles: [Failure]) {
        let arrivals = watcher?.collect() ?? Arrivals()
        let (entries, troubles) = try directory.scan()
        return (scan.step(entries, arrivals: arrivals, at: now), troubles)
    }

    /// The file has left incoming/ (claimed or vanished): nothing more is due for it.
    public mutating func left(_ name: FileName) {
        scan.left(name)
    }

    /// When the next look is due even if nothing happens; nil when nothing waits.
    public var nextDeadline: Monotonic.Instant? { scan.nextDeadline }

    /// How many entries wait in incoming/.
    public var waitingCount: Int { scan.waitingCount }
}
