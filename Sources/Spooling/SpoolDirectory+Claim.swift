import Failures
import Glibc

/// What became of an attempt to claim a file.
public enum ClaimOutcome: Sendable {
    /// In work/ under its token, durably. The kind may be another than the listing saw: look before opening.
    case claimed(FileStamp)
    /// It was no longer in incoming/: forget the claim note.
    case vanished
    /// The move failed, or is not known to be durable: the file may be in work/ or in incoming/. Compare work/ with the
    /// notes, after `makeMovesDurable()`.
    case failed(Failure)
}

extension SpoolDirectory {
    /// Moves files from incoming/NAME to work/TOKEN, then fsyncs both directories once for all of them.
    ///
    /// The store must have noted every pair durably before: after a crash the note is what knows the name.
    ///
    /// - Returns: one outcome per pair, in order.
    public func claim(_ claims: [(name: FileName, token: ClaimToken)]) -> [ClaimOutcome] {
        var outcomes = claims.map { name, token in move(name, to: token) }
        do {
            try sync(work, incoming)
        } catch {
            for index in outcomes.indices {
                if case .claimed = outcomes[index] { outcomes[index] = .failed(error) }
            }
        }
        return outcomes
    }

    private func move(_ name: FileName, to token: ClaimToken) -> ClaimOutcome {
        let number = calls.rename(name, in: incoming.descriptor, to: token.fileName, in: work.descriptor)
        do {
            switch number {
            case 0: break
            case ENOENT:
                try verify()
                return .vanished
            case EACCES, EPERM:
                return .failed(
                    Failure(
                        .ioError,
                        "\(incoming.path)/\(name) cannot be moved: it belongs to somebody who does not let go of it; "
                            + "remove it, or change its owner to the service's.",
                        cause: String(cString: strerror(number))))
            default: throw Failure.system("rename \(incoming.path)/\(name) to work/\(token)", errno: number)
            }
            guard let stamp = try stamp(of: token) else { return .vanished }
            return .claimed(stamp)
        } catch {
            return .failed(error as? Failure ?? Failure(.internal, "claiming \(name) failed", cause: "\(error)"))
        }
    }

    /// Checks that the claimed input is a regular file that the service can read.
    ///
    /// - Throws: `unsupported_format` for anything that is not a regular file (it is not opened), `unreadable` with the
    ///   chmod that helps, `not_found` if it is not there, `io_error` if the directory is not.
    public func checkReadable(_ token: ClaimToken, name: FileName) throws {
        try close(open(token, name: name))
    }

    /// Writes the input's own bytes through to the disk. To be called after the first pass and before the job row: the
    /// producer may not have done so, and a row must not outlive the bytes it is about.
    public func makeDurable(_ token: ClaimToken, name: FileName) throws {
        let descriptor = try open(token, name: name)
        defer { close(descriptor) }
        let number = calls.sync(descriptor)
        guard number == 0 else { throw Failure.system("fsync \(layout.path(of: token))", errno: number) }
    }

    private func open(_ token: ClaimToken, name: FileName) throws -> Int32 {
        guard let stamp = try stamp(of: token) else {
            try verify()
            throw missing(token, name)
        }
        if let refusal = stamp.kind.refusal(of: name) { throw refusal }
        let (descriptor, number) = calls.open(token.fileName, in: work.descriptor)
        guard descriptor < 0 else { return descriptor }
        if number == EACCES || number == EPERM { throw stamp.unreadable(name) }
        throw Failure.system("open \(layout.path(of: token))", errno: number)
    }

    private func missing(_ token: ClaimToken, _ name: FileName) -> Failure {
        Failure(
            .notFound,
            "\(name) is not at \(layout.path(of: token)): it was moved or removed by hand. Drop the batch again.")
    }
}

extension FileStamp {
    /// The failure for a file that the service may not read, with the chmod that helps.
    func unreadable(_ name: FileName) -> Failure {
        Failure(
            .unreadable,
            "\(name) (owner \(owner), mode \(String(mode, radix: 8))) cannot be read by the service: run "
                + "`chmod a+r` on the file, or set `umask 022`, before dropping it again.")
    }
}
