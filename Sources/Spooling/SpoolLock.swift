import Failures
import Glibc

/// The right to change a spool and its store: one process at a time.
///
/// flock(2) on SPOOL/.lock and STATE/sono.lock, in this order. The kernel releases it when the process ends, however it
/// ends; the files stay and mean nothing by themselves. Released when the value goes.
public final class SpoolLock: Sendable {
    private let descriptors: [Int32]

    /// Takes the lock of a spool root and a state directory, both of which must exist.
    ///
    /// - Parameter started: when this process started, for the message that a second one gives.
    /// - Throws: `already_running`, naming the process that has it; `io_error`.
    public init(spool: String, state: String, started: String) throws {
        var taken: [Int32] = []
        do {
            for path in SpoolLock.paths(spool: spool, state: state) {
                taken.append(try SpoolLock.take(path, started: started))
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

    private static func take(_ path: String, started: String) throws -> Int32 {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Failure.system("open \(path)") }
            do {
                try lock(descriptor, path: path)
                // Somebody may have removed the file and locked a new one in the meantime.
                if isInPlace(descriptor, path: path) {
                    try sign(descriptor, path: path, started: started)
                    return descriptor
                }
                close(descriptor)
            } catch {
                close(descriptor)
                throw error
            }
        }
    }

    private static func lock(_ descriptor: Int32, path: String) throws {
        // `holder` takes the lock for an instant; a daemon keeps it. So ask again before saying no.
        for attempt in 1...5 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            let number = errno
            guard number == EWOULDBLOCK || number == EINTR else { throw Failure.system("lock \(path)", errno: number) }
            if attempt < 5 { usleep(20_000) }
        }
        let who = owner(of: descriptor).map { "process \($0.pid), running since \($0.started)," } ?? "another process"
        throw Failure(
            .alreadyRunning,
            "\(who) holds \(path): stop that sono first (systemctl stop sono, or kill it), or use another root.")
    }

    private static func isInPlace(_ descriptor: Int32, path: String) -> Bool {
        var here = stat()
        var there = stat()
        return fstat(descriptor, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino
            && here.st_dev == there.st_dev
    }

    /// Writes "PID STARTED" into the file, for the message of a second one. The lock holds without it: a full disk is no
    /// reason not to start.
    private static func sign(_ descriptor: Int32, path: String, started: String) throws {
        let line = Array("\(getpid()) \(started)\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, line, line.count, 0) == line.count else {
            let failure = Failure.system("write \(path)")
            if failure.code == .noSpace { return }
            throw failure
        }
    }

    private static func owner(of descriptor: Int32) -> (pid: Int32, started: String)? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let words = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let pid = Int32(words[0]) else { return nil }
        return (pid, String(words[1]))
    }
}
