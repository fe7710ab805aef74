import Failures
import Glibc

/// A file that appears under its name whole and durable, or not at all.
///
/// Written under a temporary name in the same directory; `publish()` fsyncs it, renames it and fsyncs the directory.
/// Without `publish()` the temporary file is removed when the value goes. What a killed process left behind is removed by
/// the next one that writes into the same directory: a temporary file is locked as long as its writer lives.
public final class AtomicFile {
    public let path: String
    let temporaryPath: String
    /// Bytes up to the end of what was written by `write(_:)`.
    public private(set) var length = 0
    private let descriptor: Int32
    private var isTemporary = true

    /// - Parameter mode: permissions, less the process's umask.
    public init(path: String, mode: UInt32 = 0o644) throws {
        try Self.checkTarget(path)
        self.path = path
        let directory = Self.directory(of: path)
        Leftovers.sweep(directory)
        (temporaryPath, descriptor) = try Self.create(in: directory, for: path, mode: mode)
    }

    /// Refuses what no file can be put in place of, before the work for it is done.
    ///
    /// - Throws: `invalid_argument` where something stands that is no file, such as a directory or a device; `io_error`
    ///   where its directory is not there or cannot be written in.
    public static func checkTarget(_ path: String) throws {
        let directory = directory(of: path)
        guard access(directory, W_OK | X_OK) == 0 else { throw Failure.system("writing in the directory \(directory)") }
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFLNK else {
            throw Failure(.invalidArgument, "\(path) is there and is no file: name another one to write.")
        }
    }

    private static func create(in directory: String, for path: String, mode: UInt32) throws -> (String, Int32) {
        while true {
            let token = String(UInt64.random(in: .min ... .max), radix: 16)
            let temporaryPath = "\(directory)/.sono-\(token).tmp"
            let descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
            guard descriptor >= 0 else { throw Failure.system("create a file beside \(path)") }
            // Where locks are not to be had nobody can sweep either.
            flock(descriptor, LOCK_EX)
            var status = stat()
            if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (temporaryPath, descriptor) }
            // Swept away between being made and being locked.
            close(descriptor)
        }
    }

    deinit {
        close(descriptor)
        discard()
    }

    /// Appends at the end of what was appended so far.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try write(bytes, at: length)
        length += bytes.count
    }

    /// Writes at an offset, beside what is appended.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure.system("write \(path)")
            }
            done += count
        }
    }

    /// Reads back what was written; fewer bytes only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure.system("read back \(path)")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Makes the file durable and gives it its name, replacing what stood there.
    public func publish() throws {
        guard fsync(descriptor) == 0 else { throw Failure.system("fsync \(path)") }
        guard rename(temporaryPath, path) == 0 else { throw Failure.system("rename a file to \(path)") }
        isTemporary = false
        try Self.syncDirectory(Self.directory(of: path))
    }

    /// Removes the temporary file at once.
    func discard() {
        if isTemporary { unlink(temporaryPath) }
        isTemporary = false
    }

    /// Writes a whole file atomically.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let file = try AtomicFile(path: path, mode: mode)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.publish()
    }

    /// Makes a directory and what is missing above it, durably.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws {
        if mkdir(path, mode) != 0 {
            if errno == EEXIST { return }
            let parent = directory(of: path)
            guard errno == ENOENT, parent != path else { throw Failure.system("mkdir \(path)") }
            try makeDirectory(parent, mode: mode)
            guard mkdir(path, mode) == 0 || errno == EEXIST else { throw Failure.system("mkdir \(path)") }
        }
        try syncDirectory(directory(of: path))
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes the names in a directory durable.
    public static func syncDirectory(_ path: String) throws {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure.system("open directory \(path)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failure.system("fsync directory \(path)") }
    }
}
