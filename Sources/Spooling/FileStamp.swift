import Failures
import Glibc

/// What a file looked like at one moment: enough to tell whether it has changed since.
public struct FileStamp: Equatable, Sendable {
    public let device: UInt64
    public let inode: UInt64
    public let kind: FileKind
    /// Bytes.
    public let size: Int64
    /// Nanoseconds since 1970, by the file system's clock: compared for equality only.
    public let modified: Int64
    /// Nanoseconds since 1970. Renaming and linking change it, writing does too.
    public let changed: Int64
    /// Permission bits.
    public let mode: UInt32
    public let owner: UInt32

    package init(
        device: UInt64 = 1, inode: UInt64, kind: FileKind = .regular, size: Int64, modified: Int64, changed: Int64,
        mode: UInt32 = 0o644, owner: UInt32 = 0
    ) {
        self.device = device
        self.inode = inode
        self.kind = kind
        self.size = size
        self.modified = modified
        self.changed = changed
        self.mode = mode
        self.owner = owner
    }

    init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), kind: FileKind(mode: status.st_mode),
            size: Int64(status.st_size), modified: FileStamp.nanoseconds(status.st_mtim),
            changed: FileStamp.nanoseconds(status.st_ctim), mode: status.st_mode & 0o7777, owner: status.st_uid)
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Whether both are the same file, whatever its contents.
    public func isSameFile(as other: FileStamp) -> Bool {
        device == other.device && inode == other.inode
    }
}

/// What a directory entry is.
public enum FileKind: String, Sendable {
    case regular = "file"
    case directory
    case symlink = "symbolic link"
    case fifo = "FIFO"
    case socket
    case device
    case other = "special file"

    init(mode: mode_t) {
        self =
            switch mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR, S_IFBLK: .device
            default: .other
            }
    }
}

extension FileKind {
    /// Why an entry of this kind is refused; nil for regular files.
    public func refusal(of name: FileName) -> Failure? {
        guard self != .regular else { return nil }
        return Failure(
            .unsupportedFormat,
            "\(name) is a \(rawValue), not a regular file; it was not opened. Drop the batch file itself.")
    }
}
