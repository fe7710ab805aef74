import Spooling
import Synchronization

/// A pipeline's directories, which can be opened anew under those who use them.
///
/// There is one for all copies of a `Pipeline`: after the directories were removed and made again, the thread that
/// computes must not go on with the old ones.
final class OpenSpool: Sendable {
    private let current: Mutex<(directory: SpoolDirectory, replaced: Monotonic.Instant?)>
    /// How long files that were in directories which are gone are waited for: such as a file system that is mounted again.
    private static let patience = Duration.seconds(600)

    /// Makes what is missing, and removes what an earlier life left half-done.
    init(_ layout: SpoolLayout) throws {
        let directory = try Self.open(layout)
        try directory.sweep()
        current = Mutex((directory, nil))
    }

    var directory: SpoolDirectory { current.withLock(\.directory) }

    /// Whether what is not there may be in directories that were taken away, and come back with them.
    var mayComeBack: Bool {
        let (directory, replaced) = current.withLock { $0 }
        return replaced.map { Monotonic.now - $0 < Self.patience } ?? false || (try? directory.verify()) == nil
    }

    /// Makes what is missing and goes on with what is there now.
    func reopen() throws {
        let directory = try Self.open(directory.layout)
        current.withLock { $0 = (directory, Monotonic.now) }
    }

    private static func open(_ layout: SpoolLayout) throws -> SpoolDirectory {
        try layout.create()
        let directory = try SpoolDirectory(layout)
        try directory.probe()
        return directory
    }
}
