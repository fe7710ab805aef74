/// What the watch of incoming/ saw happen to names since it was last asked.
///
/// Only the last thing that happened to a name counts. After an overflow of the kernel's queue nothing is known:
/// `overflowed` is set and `events` is empty.
public struct Arrivals: Equatable, Sendable {
    public enum Event: Sendable {
        /// Renamed into the directory: whole, if the producer writes first and renames then.
        case renamed
        /// A new entry: by link(2) if nobody opened it, else the start of a write.
        case created
        /// Somebody opened it, or closed it after writing.
        case opened
    }

    public var events: [FileName: Event] = [:]
    public var overflowed = false

    public init() {}
}
