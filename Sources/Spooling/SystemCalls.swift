import CLinux
import Failures
import Glibc

/// The calls by which the spool changes a disk, in one place so that tests can make any of them fail.
///
/// Each returns 0 or the error number. A test's `fault` is asked before every call and may name an error to return
/// instead of making the call; one that goes on failing for good is, seen from the disk, the same as kill -9.
package struct SystemCalls: Sendable {
    package enum Call: String, CaseIterable, Sendable {
        case makeDirectory, create, write, sync, rename, link, unlink, open
    }

    private let fault: (@Sendable (Call) -> Int32?)?

    /// The real calls.
    package static let live = SystemCalls(fault: nil)

    package init(fault: (@Sendable (Call) -> Int32?)?) {
        self.fault = fault
    }

    /// mkdir(2); an existing directory is not an error.
    func makeDirectory(_ path: String, mode: UInt32) -> (error: Int32, isNew: Bool) {
        if let number = fault?(.makeDirectory) { return (number, false) }
        if mkdir(path, mode) == 0 { return (0, true) }
        return (errno == EEXIST ? 0 : errno, false)
    }

    /// Creates a new file for writing; the descriptor is -1 on error.
    func create(_ name: FileName, in directory: Int32, mode: UInt32) -> (descriptor: Int32, error: Int32) {
        if let number = fault?(.create) { return (-1, number) }
        let descriptor = name.withCString { path in
            openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        return (descriptor, descriptor < 0 ? errno : 0)
    }

    /// Opens a regular file for reading, without blocking on a FIFO or following a link.
    func open(_ name: FileName, in directory: Int32) -> (descriptor: Int32, error: Int32) {
        if let number = fault?(.open) { return (-1, number) }
        let descriptor = name.withCString { path in
            openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        }
        return (descriptor, descriptor < 0 ? errno : 0)
    }

    /// Writes all of the bytes.
    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            if let number = fault?(.write) { return number }
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return errno }
            rest = rest.dropFirst(count)
        }
        return 0
    }

    func sync(_ descriptor: Int32) -> Int32 {
        if let number = fault?(.sync) { return number }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    /// fsync for a directory that one may write to but not read: everything on its file system.
    func syncFileSystem(of descriptor: Int32) -> Int32 {
        if let number = fault?(.sync) { return number }
        return syncfs(descriptor) == 0 ? 0 : errno
    }

    /// Renames within one file system; EEXIST rather than replacing, unless `replacing`.
    func rename(
        _ name: FileName, in from: Int32, to newName: FileName, in target: Int32, replacing: Bool = false
    ) -> Int32 {
        if let number = fault?(.rename) { return number }
        return name.withCString { old in
            newName.withCString { new in
                let flags = replacing ? 0 : RENAME_NOREPLACE
                return renameat2(from, old, target, new, flags) == 0 ? 0 : errno
            }
        }
    }

    func link(_ name: FileName, in from: Int32, to newName: FileName, in target: Int32) -> Int32 {
        if let number = fault?(.link) { return number }
        return name.withCString { old in
            newName.withCString { new in linkat(from, old, target, new, 0) == 0 ? 0 : errno }
        }
    }

    func unlink(_ name: FileName, in directory: Int32) -> Int32 {
        if let number = fault?(.unlink) { return number }
        return name.withCString { unlinkat(directory, $0, 0) == 0 ? 0 : errno }
    }

    /// rmdir(2): only a directory that is empty.
    func removeDirectory(_ name: FileName, in directory: Int32) -> Int32 {
        if let number = fault?(.unlink) { return number }
        return name.withCString { unlinkat(directory, $0, AT_REMOVEDIR) == 0 ? 0 : errno }
    }
}
