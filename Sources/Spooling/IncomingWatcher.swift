import CLinux
import Dispatch
import Failures
import Glibc
import Synchronization

/// Watches incoming/ by inotify and says when it is worth looking.
///
/// Events are hints: they wake the service and tell how a file arrived, the listing decides what is there. The
/// pipeline's own directory is watched too, because a directory that is held open does not report its own removal.
///
/// Order matters twice. The watch stands before the first listing, so nothing falls between the two; and `collect()`
/// comes before each listing, so every arrival it reports is in the listing (or gone again), and what comes later
/// raises a new hint. No timer runs and nothing is read while nothing happens.
///
/// Changes made by another host on a network file system raise no event: list every minute regardless.
public final class IncomingWatcher: Sendable {
    public enum Hint: Sendable {
        /// Something may have arrived.
        case changed
        /// A directory of the pipeline was removed, moved, unmounted or replaced: check `SpoolDirectory.verify()`.
        case directoryLost
    }

    /// Keeps the source alive: a source without a reference is cancelled silently. Unsafe only to the compiler, which
    /// does not know sources to be thread-safe; it is cancelled at the end and not touched otherwise.
    nonisolated(unsafe) private let source: any DispatchSourceRead
    private let events: InotifyEvents

    /// Starts to watch.
    ///
    /// - Parameters:
    ///   - directory: the pipeline whose incoming/ is watched.
    ///   - queue: where `onHint` is called; it must be serial.
    ///   - onHint: called once for each batch of events, however many there are.
    /// - Throws: `io_error` when the kernel has no inotify instance or watch left. The service can go on without a
    ///   watcher; it then finds files at its next regular listing.
    public init(
        directory: SpoolDirectory, queue: DispatchQueue, onHint: @escaping @Sendable (Hint) -> Void
    ) throws {
        let events = try InotifyEvents(incoming: directory.incoming, pipeline: directory.pipeline)
        self.events = events
        source = DispatchSource.makeReadSource(fileDescriptor: events.descriptor, queue: queue)
        source.setEventHandler { events.drain().forEach(onHint) }
        // The descriptor must stay open until the source has let go of it.
        source.setCancelHandler { events.close() }
        source.activate()
    }

    deinit { source.cancel() }

    /// What has happened to names since the last call. To be called before the listing that it belongs to.
    public func collect() -> Arrivals {
        events.collect()
    }
}

/// The inotify descriptor and what was read from it.
private final class InotifyEvents: Sendable {
    let descriptor: Int32
    private let incomingWatch: Int32
    private let arrivals = Mutex(Arrivals())

    init(incoming: DirectoryHandle, pipeline: DirectoryHandle) throws {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            throw InotifyEvents.failure("inotify_init1", setting: "max_user_instances", errno: errno)
        }
        // IN_OPEN tells a link from a file that is being written; see IncomingScan.
        let arrival = IN_CREATE | IN_OPEN | IN_CLOSE_WRITE | IN_MOVED_TO
        let loss = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR
        do {
            incomingWatch = try InotifyEvents.watch(incoming, mask: arrival | loss, on: descriptor)
            _ = try InotifyEvents.watch(
                pipeline, mask: IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | loss, on: descriptor)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    func close() {
        Glibc.close(descriptor)
    }

    func collect() -> Arrivals {
        arrivals.withLock { arrivals in
            _ = read(into: &arrivals)
            defer { arrivals = Arrivals() }
            return arrivals
        }
    }

    func drain() -> [IncomingWatcher.Hint] {
        arrivals.withLock { read(into: &$0) }
    }

    /// Reads until the queue is empty. What `collect()` reads is not hinted at: it is about to be listed. But a loss
    /// always is, hence the hint is raised by whoever lists, through `verify()`.
    private func read(into arrivals: inout Arrivals) -> [IncomingWatcher.Hint] {
        var changed = false
        var lost = false
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: MemoryLayout<inotify_event>.alignment) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                var bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                while let event = Event(first: &bytes) {
                    note(event, in: &arrivals, changed: &changed, lost: &lost)
                }
            }
        }
        return (changed ? [.changed] : []) + (lost ? [.directoryLost] : [])
    }

    private func note(_ event: Event, in arrivals: inout Arrivals, changed: inout Bool, lost: inout Bool) {
        if event.has(IN_Q_OVERFLOW) {
            arrivals.events = [:]
            arrivals.overflowed = true
            changed = true
        } else if event.watch != incomingWatch || event.has(IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED) {
            lost = true
        } else if let name = event.name, !name.isIgnored {
            // A producer that closes only after its rename has handed the file over already.
            let isLateClose = event.has(IN_CLOSE_WRITE) && arrivals.events[name] == .renamed
            if !arrivals.overflowed, !isLateClose {
                let opened = event.has(IN_OPEN | IN_CLOSE_WRITE)
                arrivals.events[name] = opened ? .opened : event.has(IN_MOVED_TO) ? .renamed : .created
            }
            // Somebody who only looks at the directory does not wake the service.
            if !event.has(IN_OPEN) { changed = true }
        }
    }

    /// Through /proc, so that the watch is on the directory that is open and not on one that took its place.
    private static func watch(_ directory: DirectoryHandle, mask: Int32, on descriptor: Int32) throws -> Int32 {
        var watch = inotify_add_watch(descriptor, "/proc/self/fd/\(directory.descriptor)", UInt32(bitPattern: mask))
        if watch < 0 && errno == ENOENT {
            watch = inotify_add_watch(descriptor, directory.path, UInt32(bitPattern: mask))
        }
        guard watch >= 0 else {
            throw failure("inotify_add_watch \(directory.path)", setting: "max_user_watches", errno: errno)
        }
        return watch
    }

    private static func failure(_ call: String, setting: String, errno number: Int32) -> Failure {
        guard number == EMFILE || number == ENOSPC else { return .system(call, errno: number) }
        return Failure(
            .ioError, "\(call) failed: raise fs.inotify.\(setting) (sysctl); files are found once a minute until then.",
            cause: String(cString: strerror(number)))
    }
}

/// One event as the kernel lays it out: a fixed head, then a name padded with NULs.
private struct Event {
    let watch: Int32
    let mask: UInt32
    let name: FileName?

    /// Takes the first event off the bytes; nil when none is left.
    init?(first bytes: inout UnsafeRawBufferPointer) {
        let headSize = MemoryLayout<inotify_event>.size
        guard bytes.count >= headSize else { return nil }
        let head = bytes.loadUnaligned(as: inotify_event.self)
        let size = headSize + Int(head.len)
        guard bytes.count >= size else { return nil }
        watch = head.wd
        mask = head.mask
        name = FileName(Array(bytes[headSize..<size].prefix { $0 != 0 }))
        bytes = UnsafeRawBufferPointer(rebasing: bytes[size...])
    }

    func has(_ bits: Int32) -> Bool {
        mask & UInt32(bitPattern: bits) != 0
    }
}
