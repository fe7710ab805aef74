import Foundation
import Glibc
import Pipelines
import Spooling

/// The files and directories that only the service makes, and has to own; inputs belong to who dropped them.
struct OwnFiles {
    struct Foreign {
        let path: String
        /// The group of the directory that it is kept under, whose members it is for.
        let group: gid_t
    }

    let paths: ServicePaths

    /// What belongs to another user, as far as it may be seen. A directory that is given may be another's if it can be
    /// written in.
    func foreign(to user: uid_t) -> [Foreign] {
        var found: [Foreign] = []
        for (place, files) in [(paths.state, state), (paths.spool, spool)] {
            var own = stat()
            guard stat(place, &own) == 0 else { continue }
            let isWritable = geteuid() == user && access(place, W_OK) == 0
            if own.st_uid != user, !isWritable { found.append(Foreign(path: place, group: own.st_gid)) }
            for path in files {
                var status = stat()
                if lstat(path, &status) == 0, status.st_uid != user {
                    found.append(Foreign(path: path, group: own.st_gid))
                }
            }
        }
        return found
    }

    private var state: [String] {
        let features = "\(paths.state)/features"
        let vectors = names(features).flatMap { ["\(features)/\($0)"] + inside("\(features)/\($0)") }
        return ["", "-wal", "-shm"].map { paths.store + $0 } + [paths.stateLock, paths.examining]
            + [paths.keptModels] + inside(paths.keptModels) + [features] + vectors
    }

    private var spool: [String] {
        [paths.spoolLock]
            + ((try? SpoolLayout.pipelines(in: paths.spool)) ?? []).flatMap { name in
                let layout = SpoolLayout(root: paths.spool, pipeline: name)
                let reasons = inside(layout.failed).filter { $0.hasSuffix(".reason.json") }
                return [
                    layout.directory, layout.incoming, layout.temporary, layout.work, layout.done, layout.failed,
                ] + reasons
            }
    }

    private func inside(_ directory: String) -> [String] { names(directory).sorted().map { "\(directory)/\($0)" } }

    private func names(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}
