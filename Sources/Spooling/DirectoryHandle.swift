import Failures
import Glibc

/// An open directory, so that calls go to this very directory whatever happens to its path.
public final class DirectoryHandle: Sendable {
    public let path: String
    let descriptor: Int32

    /// Opens a directory; a symbolic link is refused.
    public init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw DirectoryHandle.failure(toOpen: path, errno: errno) }
    }

    deinit { close(descriptor) }

    private static func failure(toOpen path: String, errno number: Int32) -> Failure {
        switch number {
        case ENOENT:
            Failure(.ioError, "\(path) is not there: create it, or let the service create it at its next start.")
        case ELOOP, ENOTDIR:
            Failure(.ioError, "\(path) is not a directory (symbolic links are not followed): put a directory there.")
        default: .system("open directory \(path)", errno: number)
        }
    }

    /// Whether the path still leads to this directory.
    public func isInPlace() -> Bool {
        var here = stat()
        var there = stat()
        return fstat(descriptor, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino
            && here.st_dev == there.st_dev && here.st_nlink > 0
    }

    /// What the entry is, without following it; nil if there is none.
    func stamp(of name: FileName) throws -> FileStamp? {
        var status = stat()
        let result = name.withCString { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        if result == 0 { return FileStamp(status) }
        let number = errno
        if number == ENOENT { return nil }
        throw Failure.system("stat \(path)/\(name)", errno: number)
    }

    /// All names but `.` and `..`, in no order.
    ///
    /// Every entry that is there during the whole call is listed. The listing goes through a duplicate of the
    /// descriptor: opening the directory anew would raise IN_OPEN on ourselves.
    func names() throws -> [FileName] {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Failure.system("duplicate the descriptor of \(path)") }
        guard let stream = fdopendir(copy) else {
            let number = errno
            close(copy)
            throw Failure.system("list \(path)", errno: number)
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [FileName] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw Failure.system("list \(path)") }
                return names
            }
            if let name = DirectoryHandle.name(of: entry) { names.append(name) }
        }
    }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> FileName? {
        guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return nil }
        let characters = UnsafeRawPointer(entry) + offset
        let length = strnlen(characters.assumingMemoryBound(to: CChar.self), FileName.longest + 1)
        return FileName([UInt8](UnsafeRawBufferPointer(start: characters, count: length)))
    }
}

extension FileName {
    func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try (bytes + [0]).withUnsafeBytes { buffer in
            // The buffer holds at least the terminating NUL, so it has an address.
            try buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let address = characters.baseAddress else { return try "".withCString(body) }
                return try body(address)
            }
        }
    }
}
