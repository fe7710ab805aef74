import Failures
import Glibc

/// A pipeline's five directories, held open, and the moves of a file through them.
///
/// **The promise.** An input is always in exactly one of incoming, work, done or failed, whatever is killed or fails.
/// Every move is one rename(2) that never replaces, followed by fsync of the directory it went to and then of the one
/// it left, so that after a power loss the old name may be back but the file is never nowhere.
///
/// **After a kill -9** between any two calls the store says what was meant, the directories say how far it came:
///
/// | the store has | work/TOKEN is | it happened between | what to do |
/// |---|---|---|---|
/// | a claim note | missing | note and rename | forget the note: the file is in incoming |
/// | a claim note | there | rename and job row | add it to `PendingClaims` again |
/// | an unsettled job | there | job row and end | run it again |
/// | a settled job, not filed | there or missing | commit and filing | call `settle` or `quarantine` again |
///
/// `settle`, `quarantine` and `reclaim` may be called again and again with the same arguments: they find what is done
/// already, by token and job id, and do the rest.
///
/// Only the holder of the `SpoolLock` may use it. Calls go to the open directories; when one is removed or replaced,
/// `verify()` and every call that misses a file throw `io_error`. To go on, open a new `SpoolDirectory`.
public final class SpoolDirectory: Sendable {
    public let layout: SpoolLayout
    let pipeline: DirectoryHandle
    let incoming: DirectoryHandle
    let temporary: DirectoryHandle
    let work: DirectoryHandle
    let done: DirectoryHandle
    let failed: DirectoryHandle
    let calls: SystemCalls

    /// Opens the directories, which must be there (`SpoolLayout.create()`).
    public convenience init(_ layout: SpoolLayout) throws {
        try self.init(layout, calls: .live)
    }

    package init(_ layout: SpoolLayout, calls: SystemCalls) throws {
        self.layout = layout
        self.calls = calls
        pipeline = try DirectoryHandle(path: layout.directory)
        incoming = try DirectoryHandle(path: layout.incoming)
        temporary = try DirectoryHandle(path: layout.temporary)
        work = try DirectoryHandle(path: layout.work)
        done = try DirectoryHandle(path: layout.done)
        failed = try DirectoryHandle(path: layout.failed)
    }

    /// Throws `io_error` when one of the directories is no longer where it was opened.
    public func verify() throws {
        for directory in [pipeline, incoming, temporary, work, done, failed] where !directory.isInPlace() {
            throw Failure(
                .ioError,
                "\(directory.path) was removed, moved or replaced while the service used it: put it back, or create it; "
                    + "the service looks again by itself.")
        }
    }

    /// What is in incoming/, without the names of unfinished files. Cost: one call per entry.
    ///
    /// - Returns: the entries, and why others could not be looked at.
    /// - Throws: `io_error` when a directory is gone: an empty listing of a deleted directory must not pass for rest.
    public func scan() throws -> (entries: [IncomingEntry], troubles: [Failure]) {
        try verify()
        var entries: [IncomingEntry] = []
        var troubles: [Failure] = []
        for name in try incoming.names() where !name.isIgnored {
            do {
                guard let stamp = try incoming.stamp(of: name) else { continue }
                entries.append(IncomingEntry(name: name, stamp: stamp))
            } catch let failure as Failure {
                troubles.append(failure)
            }
        }
        return (entries, troubles)
    }

    /// What the claimed input looks like now; nil when it is not in work/.
    public func stamp(of token: ClaimToken) throws -> FileStamp? {
        try work.stamp(of: token.fileName)
    }

    /// Everything in work/: claimed inputs, and names that the service never made.
    public func workListing() throws -> (claims: [ClaimToken: FileStamp], strangers: [FileName]) {
        try verify()
        var claims: [ClaimToken: FileStamp] = [:]
        var strangers: [FileName] = []
        for name in try work.names() where !name.isIgnored {
            guard let token = ClaimToken(name.displayText) else {
                strangers.append(name)
                continue
            }
            claims[token] = try work.stamp(of: name)
        }
        return (claims, strangers.sorted())
    }

    /// Makes every move between the directories durable, whoever made it: a claim or a return whose own fsync failed, or
    /// that a kill cut short, looks like any other.
    public func makeMovesDurable() throws {
        try sync(work, incoming, done, failed)
    }

    func sync(_ directories: DirectoryHandle...) throws(Failure) {
        for directory in directories {
            let number = calls.sync(directory.descriptor)
            guard number == 0 else { throw Failure.system("fsync \(directory.path)", errno: number) }
        }
    }
}
