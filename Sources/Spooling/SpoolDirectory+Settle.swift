import Failures
import Glibc

extension SpoolDirectory {
    /// Moves a finished input from work/TOKEN to done/JOBID--NAME.
    ///
    /// - Returns: its name in done/, to be noted as filed.
    /// - Throws: `io_error`, `no_space`. When the file is in neither place, somebody took it away by hand: `not_found`.
    public func settle(_ token: ClaimToken, jobID: Int64, name: FileName) throws -> FileName {
        let target = try place(for: token, jobID: jobID, name: name, in: done, limit: FileName.longest)
        return try file(token, as: target, in: done)
    }

    /// Moves a refused input from work/TOKEN to failed/JOBID--NAME, as it is and whatever it is, with
    /// failed/JOBID--NAME.reason.json beside it.
    ///
    /// The reason is durable before the input moves: an input in failed/ always has one. After a crash in between the
    /// reason is written again.
    ///
    /// - Returns: the input's name in failed/.
    public func quarantine(
        _ token: ClaimToken, jobID: Int64, name: FileName, reason: Reason
    ) throws -> FileName {
        let limit = FileName.longest - Reason.suffix.count
        let target = try place(for: token, jobID: jobID, name: name, in: failed, limit: limit)
        if case .free(let targetName) = target { try write(reason, beside: targetName, token: token) }
        return try file(token, as: target, in: failed)
    }

    /// Takes an input back from done/ or failed/ into work/TOKEN, to be run again.
    ///
    /// - Returns: false if it is neither there nor in work/ already: removed by retention, or by hand.
    public func reclaim(_ fileName: FileName, from place: SettledPlace, token: ClaimToken) throws -> Bool {
        let source = place == .done ? done : failed
        let number = calls.rename(fileName, in: source.descriptor, to: token.fileName, in: work.descriptor)
        switch number {
        case 0: break
        case ENOENT:
            try verify()
            guard try stamp(of: token) != nil else { return false }
        case EEXIST where try isSameFile(token, as: fileName, in: source):
            try drop(fileName, from: source)
        default: throw Failure.system("rename \(source.path)/\(fileName) to work/\(token)", errno: number)
        }
        try sync(work, source)
        if place == .failed {
            // The reason goes last, so that no input in failed/ is ever without one.
            _ = calls.unlink(Reason.name(beside: fileName), in: failed.descriptor)
        }
        return true
    }

    public enum SettledPlace: Sendable {
        case done
        case failed
    }

    private enum Place {
        /// Nothing has this name yet.
        case free(FileName)
        /// The input has it already: work/TOKEN is gone, or is the same file.
        case taken(FileName)
    }

    /// Finds the name for an input, or the one an earlier, interrupted call gave it.
    ///
    /// `JOBID--NAME`, unless a file of another store (job ids start again when a database is lost) has it; then
    /// `JOBID-TOKEN--NAME`, which no other file can have.
    private func place(
        for token: ClaimToken, jobID: Int64, name: FileName, in directory: DirectoryHandle, limit: Int
    ) throws -> Place {
        let plain = name.settled(jobID: jobID, limit: limit)
        let marked = name.settled(jobID: jobID, mark: token, limit: limit)
        guard let own = try stamp(of: token) else {
            if try directory.stamp(of: marked) != nil { return .taken(marked) }
            if try directory.stamp(of: plain) != nil { return .taken(plain) }
            try verify()
            throw Failure(
                .notFound,
                "The input of job \(jobID) (\(name)) is neither in work/ nor in \(directory.path): it was moved or "
                    + "removed by hand. Results stand; the input is lost to the service.")
        }
        for candidate in [plain, marked] {
            guard let other = try directory.stamp(of: candidate) else { return .free(candidate) }
            if other.isSameFile(as: own) { return .taken(candidate) }
        }
        throw Failure(
            .ioError,
            "\(directory.path) already has both \(plain) and \(marked), which are other files: move them away.")
    }

    private func file(_ token: ClaimToken, as place: Place, in directory: DirectoryHandle) throws -> FileName {
        switch place {
        case .free(let target):
            let number = calls.rename(token.fileName, in: work.descriptor, to: target, in: directory.descriptor)
            guard number == 0 else {
                throw Failure.system("rename \(layout.path(of: token)) to \(directory.path)/\(target)", errno: number)
            }
            try sync(directory, work)
            return target
        case .taken(let target):
            // Both names, after a power loss on a file system without a journal: the new one stays.
            if try stamp(of: token) != nil { try drop(token.fileName, from: work) }
            try sync(directory, work)
            return target
        }
    }

    private func isSameFile(_ token: ClaimToken, as name: FileName, in directory: DirectoryHandle) throws -> Bool {
        guard let own = try stamp(of: token), let other = try directory.stamp(of: name) else { return false }
        return own.isSameFile(as: other)
    }

    private func drop(_ name: FileName, from directory: DirectoryHandle) throws {
        let number = calls.unlink(name, in: directory.descriptor)
        guard number == 0 || number == ENOENT else {
            throw Failure.system("unlink \(directory.path)/\(name)", errno: number)
        }
    }

    /// failed/JOBID--NAME.reason.json, by way of a temporary name, fsync and rename.
    private func write(_ reason: Reason, beside target: FileName, token: ClaimToken) throws {
        let temporary = FileName(checked: Array("\(SpoolDirectory.reasonPrefix)\(token).tmp".utf8))
        try drop(temporary, from: failed)
        try calls.writeFile(try reason.json(), as: temporary, in: failed, mode: 0o640)
        let final = Reason.name(beside: target)
        let number = calls.rename(
            temporary, in: failed.descriptor, to: final, in: failed.descriptor, replacing: true)
        guard number == 0 else { throw Failure.system("rename \(failed.path)/\(temporary)", errno: number) }
        try sync(failed)
    }
}

extension SystemCalls {
    /// Creates a file with these bytes and fsyncs it; the directory is the caller's to fsync.
    func writeFile(_ bytes: [UInt8], as name: FileName, in directory: DirectoryHandle, mode: UInt32) throws {
        let (descriptor, error) = create(name, in: directory.descriptor, mode: mode)
        guard descriptor >= 0 else { throw Failure.system("create \(directory.path)/\(name)", errno: error) }
        defer { close(descriptor) }
        var number = bytes.withUnsafeBytes { write($0, to: descriptor) }
        if number == 0 { number = sync(descriptor) }
        guard number == 0 else { throw Failure.system("write \(directory.path)/\(name)", errno: number) }
    }
}
