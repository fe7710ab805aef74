import Failures
import Glibc

extension SpoolDirectory {
    /// Removes settled inputs whose time is over, and the reasons beside those in failed/. Those that are gone already are
    /// counted as removed, without bytes.
    ///
    /// - Returns: which are gone, durably, how many bytes they had, and why others are not.
    public func remove(
        _ names: [FileName], from place: SettledPlace
    ) throws -> (removed: Set<FileName>, bytes: Int, troubles: [Failure]) {
        let directory = place == .done ? done : failed
        var removed: Set<FileName> = []
        var bytes = 0
        var troubles: [Failure] = []
        for name in names {
            let size = (try? directory.stamp(of: name))?.size ?? 0
            var number = calls.unlink(name, in: directory.descriptor)
            // Directories are refused as inputs and lie in failed/ like others; what is in one is not ours to remove.
            if number == EISDIR { number = calls.removeDirectory(name, in: directory.descriptor) }
            guard number == 0 || number == ENOENT else {
                troubles.append(.system("unlink \(directory.path)/\(name)", errno: number))
                continue
            }
            // The reason goes last, so that no input in failed/ is ever without one.
            if place == .failed { _ = calls.unlink(Reason.name(beside: name), in: directory.descriptor) }
            removed.insert(name)
            bytes += Int(size)
        }
        if !removed.isEmpty { try verify() }
        try sync(directory)
        return (removed, bytes, troubles)
    }
}
