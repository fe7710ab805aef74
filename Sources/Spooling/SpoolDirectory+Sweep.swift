import Failures
import Glibc

extension SpoolDirectory {
    /// Renames a probe through all five directories: they must lie on one file system, or no move is atomic.
    ///
    /// - Throws: `configuration_invalid` naming the directory on another file system, `io_error`, `no_space`.
    public func probe() throws {
        let name = FileName(checked: Array("\(SpoolDirectory.probePrefix)\(ClaimToken.random()).tmp".utf8))
        var place = temporary
        // Need not be durable: what is left of one is swept away.
        let (descriptor, error) = calls.create(name, in: place.descriptor, mode: 0o600)
        guard descriptor >= 0 else { throw Failure.system("create a probe in \(place.path)", errno: error) }
        close(descriptor)
        defer { _ = calls.unlink(name, in: place.descriptor) }
        for next in [incoming, work, failed, done] {
            let number = calls.rename(name, in: place.descriptor, to: name, in: next.descriptor)
            guard number != EXDEV else {
                throw Failure(
                    .configurationInvalid,
                    "\(next.path) is on another file system than \(place.path): a pipeline's directories must share one."
                )
            }
            guard number != EINVAL else {
                throw Failure(
                    .configurationInvalid,
                    "The file system of \(next.path) cannot rename without replacing: put the spool on ext4, xfs, "
                        + "btrfs or tmpfs.")
            }
            guard number == 0 else { throw Failure.system("rename a probe to \(next.path)", errno: number) }
            place = next
        }
    }

    /// Removes what an earlier life of the service, or a killed `sono submit`, left half-done.
    ///
    /// Only names that sono itself gives are touched: probes and unfinished reasons (no other process makes them, the
    /// lock is held), reasons whose input was taken back or has not come yet (then it is written again), and unfinished
    /// submissions that nobody has locked any more. Producers' own temporary files stay.
    ///
    /// - Returns: how many files were removed.
    @discardableResult
    public func sweep() throws -> Int {
        var removed = 0
        for directory in [incoming, temporary, work, failed, done] {
            for name in try directory.names() where isLeftOver(name, in: directory) {
                if calls.unlink(name, in: directory.descriptor) == 0 { removed += 1 }
            }
        }
        return removed
    }

    static let probePrefix = ".sono-probe-"
    static let reasonPrefix = ".sono-reason-"

    private func isLeftOver(_ name: FileName, in directory: DirectoryHandle) -> Bool {
        let text = name.displayText
        if text.hasSuffix(".tmp"), text.hasPrefix(SpoolDirectory.probePrefix) { return true }
        if directory === failed {
            if text.hasSuffix(".tmp"), text.hasPrefix(SpoolDirectory.reasonPrefix) { return true }
            return isOrphanedReason(name)
        }
        guard directory === temporary, text.hasSuffix(".tmp"), text.hasPrefix(Submission.temporaryPrefix) else {
            return false
        }
        let (descriptor, _) = calls.open(name, in: directory.descriptor)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        // A submission is created an instant before it is locked; a minute is not that instant.
        return fstat(descriptor, &status) == 0 && now.tv_sec - status.st_ctim.tv_sec > 60
            && flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    private func isOrphanedReason(_ name: FileName) -> Bool {
        guard let input = Reason.input(beside: name) else { return false }
        // An input may be called like a reason; then it has one of its own.
        let own = Reason.name(beside: name)
        do {
            let isInput = try own.bytes.count <= FileName.longest && failed.stamp(of: own) != nil
            return try !isInput && failed.stamp(of: input) == nil
        } catch {
            return false
        }
    }
}
