import CLinux
import Crypto
import Failures
import Glibc

/// What `sono submit` does: a file appears in incoming/ under its name whole and durable, or not at all.
///
/// Copied to .tmp/, fsynced, renamed without replacing, and the directory fsynced. The rename is an arrival that the
/// service claims at once. Killed in between it leaves a file in .tmp/ that `SpoolDirectory.sweep` removes.
public struct Submission: Equatable, Sendable {
    /// Of the bytes that were copied: the identity under which the job is found.
    public let sha256: String
    /// The name that its job will have: the one asked for, or `NAME-2`, `NAME-3`, … if that was taken.
    public let name: FileName
    public let bytes: Int64

    /// Submits a file.
    ///
    /// - Parameters:
    ///   - path: the file to copy; it is left alone.
    ///   - name: what to call it; the path's last component if nil.
    ///   - layout: the pipeline.
    ///   - again: whether the bytes shall be computed even if they are done already (`FileName.markedAgain`).
    /// - Throws: `not_found` (no such file or pipeline), `unreadable`, `unsupported_format` (not a file),
    ///   `invalid_argument` (a name that the service would not look at), `unavailable` (not in the droppers' group),
    ///   `no_space`, `io_error`.
    public static func submit(
        path: String, name: FileName? = nil, to layout: SpoolLayout, again: Bool = false
    ) throws -> Submission {
        try submit(path: path, name: name, to: layout, again: again, calls: .live)
    }

    package static func submit(
        path: String, name: FileName? = nil, to layout: SpoolLayout, again: Bool = false, calls: SystemCalls
    ) throws -> Submission {
        let name = try name ?? lastComponent(of: path)
        guard !name.isIgnored else {
            throw Failure(
                .invalidArgument,
                "\(name) is the name of an unfinished file, which the service does not look at: give it another one.")
        }
        let source = try openSource(path)
        defer { close(source) }
        let incoming = try openTarget(layout.incoming, of: layout)
        defer { close(incoming) }
        let temporary = try openTarget(layout.temporary, of: layout)
        defer { close(temporary) }

        let temporaryName = FileName(checked: Array("\(temporaryPrefix)\(ClaimToken.random()).tmp".utf8))
        let (copy, error) = calls.create(temporaryName, in: temporary, mode: 0o640)
        guard copy >= 0 else { throw Failure.system("create a file in \(layout.temporary)", errno: error) }
        defer { close(copy) }
        do {
            try makeReadable(copy, in: temporary)
            // Says to `sweep` that somebody is still at it.
            guard flock(copy, LOCK_EX | LOCK_NB) == 0 else {
                throw Failure.system("lock a file in \(layout.temporary)")
            }
            let (sha256, bytes) = try copyBytes(from: source, path: path, to: copy, calls)
            let number = calls.sync(copy)
            guard number == 0 else { throw Failure.system("fsync a file in \(layout.temporary)", errno: number) }
            let final = try publish(temporaryName, in: temporary, as: name, again, in: incoming, layout, calls)
            try syncDirectory(layout.incoming, file: copy, calls)
            return Submission(sha256: sha256, name: final, bytes: bytes)
        } catch {
            _ = calls.unlink(temporaryName, in: temporary)
            throw error
        }
    }

    /// The submitter's umask shall not keep the service from reading: the directory's group is the service's, and a
    /// copy that does not get that group is readable by all.
    private static func makeReadable(_ copy: Int32, in directory: Int32) throws {
        var (own, other) = (stat(), stat())
        guard fstat(copy, &own) == 0, fstat(directory, &other) == 0,
            fchmod(copy, own.st_gid == other.st_gid ? 0o640 : 0o644) == 0
        else { throw Failure.system("chmod a file in the spool") }
    }

    static let temporaryPrefix = ".sono-submit-"

    private static func lastComponent(of path: String) throws -> FileName {
        guard let last = path.split(separator: "/").last, let name = FileName(String(last)) else {
            throw Failure(.invalidArgument, "\(path) has no file name: give the path of a file.")
        }
        return name
    }

    private static func openSource(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let number = errno
            switch number {
            case ENOENT, ENOTDIR: throw Failure(.notFound, "\(path) does not exist: check the path.")
            case EACCES: throw Failure(.unreadable, "\(path) cannot be read: `chmod u+r` it, or ask its owner to.")
            default: throw Failure.system("open \(path)", errno: number)
            }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileKind(mode: status.st_mode) == .regular else {
            close(descriptor)
            throw Failure(.unsupportedFormat, "\(path) is not a regular file: submit a batch file.")
        }
        return descriptor
    }

    /// O_PATH, because producers may search and write these directories but not read them.
    private static func openTarget(_ path: String, of layout: SpoolLayout) throws -> Int32 {
        let descriptor = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor < 0 else { return descriptor }
        let number = errno
        if number == EACCES { throw Failure.notAdmitted(to: layout.directory, what: "entered") }
        guard number == ENOENT else { throw Failure.system("open \(path)", errno: number) }
        let others = (try? SpoolLayout.pipelines(in: layout.root)) ?? []
        let known = others.isEmpty ? "none is set up there" : "there is \(others.joined(separator: ", "))"
        throw Failure(.notFound, "No pipeline \(layout.pipeline) in \(layout.root): \(known).")
    }

    private static func copyBytes(
        from source: Int32, path: String, to copy: Int32, _ calls: SystemCalls
    ) throws -> (sha256: String, bytes: Int64) {
        var hash = SHA256()
        var total: Int64 = 0
        try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { buffer in
            while true {
                let count = read(source, buffer.baseAddress, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw Failure.system("read \(path)") }
                if count == 0 { return }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hash.update(bufferPointer: bytes)
                let number = calls.write(bytes, to: copy)
                guard number == 0 else { throw Failure.system("write a copy of \(path) to the spool", errno: number) }
                total += Int64(count)
            }
        }
        let digits = hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        return (digits.joined(), total)
    }

    /// Renames to the first free of NAME, NAME-2, NAME-3, …
    private static func publish(
        _ temporaryName: FileName, in temporary: Int32, as name: FileName, _ again: Bool, in incoming: Int32,
        _ layout: SpoolLayout, _ calls: SystemCalls
    ) throws -> FileName {
        for attempt in 1...100 {
            let suffix = attempt < 100 ? "-\(attempt)" : "-\(ClaimToken.random())"
            let candidate = attempt == 1 ? name : name.numbered(suffix)
            // A name that happens to end as a mark does is not to be taken for one.
            if !again, candidate.withoutAgainMark != nil { continue }
            let target = again ? candidate.markedAgain : candidate
            let number = calls.rename(temporaryName, in: temporary, to: target, in: incoming)
            if number == 0 { return target.withoutAgainMark ?? target }
            guard number == EEXIST else { throw Failure.system("rename into \(layout.incoming)", errno: number) }
        }
        throw Failure(.ioError, "No free name for \(name) in \(layout.incoming): give it another one.")
    }

    private static func syncDirectory(_ path: String, file: Int32, _ calls: SystemCalls) throws {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        defer { if directory >= 0 { close(directory) } }
        let number = directory >= 0 ? calls.sync(directory) : calls.syncFileSystem(of: file)
        guard number == 0 else { throw Failure.system("fsync \(path)", errno: number) }
    }
}
