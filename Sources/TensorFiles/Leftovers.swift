import Glibc
import Synchronization

/// The temporary files of `AtomicFile` whose writers were killed.
enum Leftovers {
    private static let swept = Mutex<Set<String>>([])

    /// Removes what is left in a directory, the first time that this process writes there.
    ///
    /// Whoever gets a file's lock knows that its writer is gone.
    static func sweep(_ directory: String) {
        guard swept.withLock({ $0.insert(directory).inserted }), let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".sono-"), name.hasSuffix(".tmp") { remove("\(directory)/\(name)") }
        }
    }

    private static func remove(_ path: String) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    }
}
