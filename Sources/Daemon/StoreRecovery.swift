import Accounting
import CLinux
import Failures
import Foundation
import Glibc
import Pipelines
import Spooling
import TensorFiles

/// `sono doctor --recover`: a new store in place of a damaged one, which is put aside as it is.
public struct StoreRecovery {
    /// What came of it.
    public struct Report: Codable, Sendable {
        public var schema = "sono-recovery/1"
        /// Where the damaged store is now.
        public var damaged: String
        public var store: String
        public var storeID: String
        public var salvage: SalvageReport

        public enum CodingKeys: String, CodingKey {
            case schema
            case damaged
            case store
            case storeID = "store_id"
            case salvage
        }
    }

    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// - Throws: `already_running` while a service runs; `wrong_state` if the store is sound; `no_space`: what is read is
    ///   read from a copy.
    public func run() throws -> Report {
        let lock = try SpoolLock(
            spool: paths.spool, state: paths.state, for: .command, started: ServiceClock.now)
        return try withExtendedLifetime(lock) {
            try refuseSound()
            let folder = "\(paths.state)/recovery-\(UUID().uuidString.prefix(8).lowercased())"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            defer { try? FileManager.default.removeItem(atPath: folder) }
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: paths.store + suffix) {
                try copy(paths.store + suffix, to: "\(folder)/damaged.sqlite\(suffix)")
            }
            let new = "\(folder)/sono.sqlite"
            let spool = paths.spool
            let salvage = try StoreSalvage(copyOfDamaged: "\(folder)/damaged.sqlite", target: new) { pipeline, name in
                guard let file = FileName(name), let text = String(validating: file.bytes, as: UTF8.self) else {
                    return false
                }
                var status = stat()
                return lstat("\(SpoolLayout(root: spool, pipeline: pipeline).done)/\(text)", &status) == 0
            }.run(jobsAbove: highestJobInSpool())
            try sync(new)
            let aside = try exchange(new)
            let reader = try StoreReader.open(path: paths.store)
            defer { try? reader.close() }
            return Report(
                damaged: aside, store: paths.store, storeID: try reader.info().storeID, salvage: salvage)
        }
    }

    private func refuseSound() throws {
        do {
            let reader = try StoreReader.open(path: paths.store)
            defer { try? reader.close() }
            guard try reader.integrityErrors().isEmpty else { return }
        } catch let failure as Failure where failure.code == .storeDamaged {
            return
        }
        throw Failure(
            .wrongState, "\(paths.store) is sound: there is nothing to recover. `sono doctor` says what else is wrong.")
    }

    private func copy(_ file: String, to target: String) throws {
        do {
            try FileManager.default.copyItem(atPath: file, toPath: target)
        } catch {
            throw Failure(
                .noSpace, "\(file) could not be copied: free as much space as it takes, or check that it can be read.",
                cause: "\(error)")
        }
    }

    /// Files in done/ and failed/ bear the numbers of jobs that the store may no longer know.
    private func highestJobInSpool() -> JobID {
        var highest: JobID = 0
        for pipeline in (try? SpoolLayout.pipelines(in: paths.spool)) ?? [] {
            guard let spool = try? SpoolDirectory(SpoolLayout(root: paths.spool, pipeline: pipeline)) else { continue }
            for place in [SpoolDirectory.SettledPlace.done, .failed] {
                for name in (try? spool.settledNames(in: place)) ?? [] {
                    highest = max(highest, name.settledParts?.jobID ?? 0)
                }
            }
        }
        return highest
    }

    private func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Failure.system("open \(path)") }
        defer { close(descriptor) }
        var status = stat()
        // As the damaged one was: whoever may read that may read this.
        if lstat(paths.store, &status) == 0 {
            _ = fchown(descriptor, status.st_uid, status.st_gid)
        }
        guard fchmod(descriptor, 0o640) == 0, fsync(descriptor) == 0 else { throw Failure.system("fsync \(path)") }
    }

    /// Puts the new store in place in one step. A crash after it leaves the damaged one's -wal beside the new one, which
    /// the service then refuses to start with.
    private func exchange(_ new: String) throws -> String {
        let stamp = ServiceClock.now.filter { $0.isNumber || $0 == "T" }
        let aside = "\(paths.store).damaged-\(stamp)"
        guard rename_exchanging(new, paths.store) == 0 else {
            throw Failure.system("exchange \(new) and \(paths.store)")
        }
        for (from, to) in [
            (new, aside), ("\(paths.store)-wal", "\(aside)-wal"), ("\(paths.store)-shm", "\(aside)-shm"),
        ] where rename(from, to) != 0 && errno != ENOENT {
            throw Failure.system("rename \(from) to \(to)")
        }
        try AtomicFile.syncDirectory(paths.state)
        return aside
    }
}
