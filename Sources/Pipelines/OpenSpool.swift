import Spooling
import Synchronization

/// A pipeline's directories, which can be opened anew under those who use them.
///
/// There is one for all copies of a `Pipeline`: after the directories were removed and made again, the thread that
/// computes must not go on with the old ones.
final class OpenSpool: Sendable {
    private let current: Mutex<SpoolDirectory>

    /// Makes what is missing, and removes what an earlier life left half-done.
    init(_ layout: SpoolLayout) throws {
        let directory = try Self.open(layout)
        try directory.sweep()
        current = Mutex(directory)
    }

    var directory: SpoolDirectory { current.withLock { $0 } }

    /// Makes what is missing and goes on with what is there now.
    func reopen() throws {
        let directory = try Self.open(directory.layout)
        current.withLock { $0 = directory }
    }

    private static func open(_ layout: SpoolLayout) throws -> SpoolDirectory {
        try layout.create()
        let directory = try SpoolDirectory(layout)
        try directory.probe()
        return directory
    }
}
