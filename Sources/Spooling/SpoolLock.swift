import Failures
import Glibc

/// The right to change a spool and its store: one process at a time.
///
/// flock(2) on SPOOL/.lock and STATE/sono.lock, in this order. The kernel releases it when the process ends, however it
/// ends; the files stay and mean nothing by themselves. Released when the value goes.
public final class SpoolLock: Sendable {
    private let descriptors: [Int32]

    /// What holds the lock: a service until it is stopped, a command that found none until it is done.
    public enum Holder: String, Sendable {
        case service
        case command
    }

    private static let lookAgain = Duration.milliseconds(20)

    /// Takes the lock of a spool root and a state directory, both of which must exist.
    ///
    /// - Parameters:
    ///   - started: when this process started, for the message that a second one gives.
    ///   - waiting: called again and again while a command has it, with its process, which is waited for until this throws;
    ///     without it nobody is waited for. Whoever starts a service must not have to start it once more for a command.
    /// - Throws: `already_running`, naming the process that has it; `io_error`; what `waiting` throws.
    public init(
        spool: String, state: String, for holder: Holder = .service, started: String,
        waiting: ((Int32) throws -> Void)? = nil
    ) throws {
        var taken: [Int32] = []
        do {
            for path in SpoolLock.paths(spool: spool, state: state) {
                taken.append(try SpoolLock.take(path, for: holder, started: started, waiting))
            }
        } catch {
            for descriptor in taken { close(descriptor) }
            throw error
        }
        descriptors = taken
    }

    deinit {
        for descriptor in descriptors.reversed() { close(descriptor) }
    }

    /// The process that holds the lock, or nil if nobody does.
    public static func holder(spool: String, state: String) -> Int32? {
        for path in paths(spool: spool, state: state) {
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            // A shared lock, so that two who only ask do not take each other for the holder.
            if flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK {
                return owner(of: descriptor)?.pid ?? 0
            }
        }
        return nil
    }

    private static func paths(spool: String, state: String) -> [String] {
        ["\(spool)/.lock", "\(state)/sono.lock"]
    }

    private static func take(
        _ path: String, for holder: Holder, started: String, _ waiting: ((Int32) throws -> Void)?
    ) throws -> Int32 {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw failure(toOpen: path, errno: errno) }
            do {
                try lock(descriptor, path: path, waiting)
                // Somebody may have removed the file and locked a new one in the meantime.
                if isInPlace(descriptor, path: path) {
                    try sign(descriptor, path: path, "\(getpid()) \(started) \(holder.rawValue)\n")
                    return descriptor
                }
                close(descriptor)
            } catch {
                close(descriptor)
                throw error
            }
        }
    }

    private static func directory(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    /// Says whose the lock is and whose it must be, where it is only that.
    private static func failure(toOpen path: String, errno number: Int32) -> Failure {
        let failure = Failure.system("open \(path)", errno: number)
        var (file, folder) = (stat(), stat())
        guard number == EACCES, stat(directory(of: path), &folder) == 0 else { return failure }
        let (keeper, caller) = (AccountName.user(folder.st_uid), AccountName.user(geteuid()))
        if folder.st_uid == 0 {
            // As a file system that was just mounted there.
            return Failure(
                failure.code,
                "\(directory(of: path)) is root's, and you are \(caller): `chown \(caller) \(directory(of: path))` as root.",
                cause: failure.cause)
        }
        if lstat(path, &file) == 0, file.st_uid != folder.st_uid {
            return Failure(
                failure.code,
                "\(path) belongs to \(AccountName.user(file.st_uid)) and must belong to \(keeper), as its directory does: "
                    + "`chown \(keeper) \(path)` as root; `sono doctor` as root finds what else does.",
                cause: failure.cause)
        }
        guard folder.st_uid != geteuid() else { return failure }
        return Failure(
            failure.code,
            "\(path) is \(keeper)'s, and you are \(caller): run this as \(keeper).",
            cause: failure.cause)
    }

    private static func lock(_ descriptor: Int32, path: String, _ waiting: ((Int32) throws -> Void)?) throws {
        // `holder` takes the lock for an instant; a daemon keeps it. So ask again before saying no.
        var attempts = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let number = errno
            guard number == EWOULDBLOCK || number == EINTR else { throw Failure.system("lock \(path)", errno: number) }
            let other = owner(of: descriptor)
            if let waiting, let other, other.holder == .command {
                attempts = 0
                try waiting(other.pid)
            } else {
                attempts += 1
            }
            guard attempts < 5 else {
                let who = other.map { "process \($0.pid), running since \($0.started)," } ?? "another process"
                throw Failure(
                    .alreadyRunning,
                    "\(who) holds \(path): stop that sono first (systemctl stop sono, or kill it), or use another root."
                )
            }
            usleep(UInt32(lookAgain / .microseconds(1)))
        }
    }

    private static func isInPlace(_ descriptor: Int32, path: String) -> Bool {
        var here = stat()
        var there = stat()
        return fstat(descriptor, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino
            && here.st_dev == there.st_dev
    }

    /// Writes "PID STARTED HOLDER" into the file, for a second one. The lock holds without it: a full disk is no reason not
    /// to start.
    private static func sign(_ descriptor: Int32, path: String, _ text: String) throws {
        let line = Array(text.utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, line, line.count, 0) == line.count else {
            let failure = Failure.system("write \(path)")
            if failure.code == .noSpace { return }
            throw failure
        }
    }

    private static func owner(of descriptor: Int32) -> (pid: Int32, started: String, holder: Holder)? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let words = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let pid = Int32(words[0]), let holder = Holder(rawValue: String(words[2])) else {
            return nil
        }
        return (pid, String(words[1]), holder)
    }
}
