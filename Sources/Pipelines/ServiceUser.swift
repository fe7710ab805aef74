import Failures
import Foundation
import Glibc

/// The user that a service runs as where that is not root, as its directories tell.
public struct ServiceUser: Sendable, Equatable {
    /// As the package makes it.
    private static let installed = "sono"

    public let id: uid_t
    /// The group of what it owns.
    private let group: gid_t
    /// Its name, or its number if it has none.
    public var name: String { AccountName.user(id) }

    /// The owner of the state directory, or else of the spool; for the installed service, if both are root's, the user `sono`.
    ///
    /// Nil if nothing names another user than root.
    public init?(of paths: ServicePaths) {
        var status = stat()
        let isInstalled = paths.state == ServicePaths.system.state
        // A store that root keeps in a directory of its own is a service that root runs.
        if !isInstalled, stat(paths.state, &status) == 0, status.st_uid == 0, access(paths.store, F_OK) == 0 {
            return nil
        }
        for path in [paths.state, paths.spool] where stat(path, &status) == 0 && status.st_uid != 0 {
            (id, group) = (status.st_uid, status.st_gid)
            return
        }
        guard isInstalled, let entry = getpwnam(Self.installed) else { return nil }
        (id, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// Lets root go on as the user that the service runs as, for good: what root can read says nothing of what the service can,
    /// and what root makes the service cannot open. Nothing happens for others, and where the service is root's.
    public static func giveUpRoot(for paths: ServicePaths) throws {
        guard geteuid() == 0, let user = ServiceUser(of: paths) else { return }
        let isDone: Bool
        if let entry = getpwuid(user.id) {
            let group = entry.pointee.pw_gid
            isDone = initgroups(entry.pointee.pw_name, group) == 0 && setgid(group) == 0 && setuid(user.id) == 0
        } else {
            isDone = setgroups(0, nil) == 0 && setgid(user.group) == 0 && setuid(user.id) == 0
        }
        guard isDone else { throw Failure.system("going on as \(user.name), who runs the service,") }
    }

    /// - Throws: `invalid_argument` if root is about to run a service that belongs to another user: that one could not open
    ///   what root leaves.
    public static func refuseRoot(for paths: ServicePaths) throws {
        guard geteuid() == 0, let user = ServiceUser(of: paths) else { return }
        let command: String
        let serve = "sono serve\(paths.options)"
        if paths.options.isEmpty, access("/run/systemd/system", F_OK) == 0 {
            command = paths.startCommand
        } else if getpwuid(user.id) != nil {
            command = "runuser -u \(user.name) -- \(serve)"
        } else {
            command = "setpriv --reuid \(user.id) --regid \(user.group) --clear-groups \(serve)"
        }
        throw Failure(
            .invalidArgument,
            "this service belongs to \(user.name), who could not open what root leaves here: type `\(command)`.")
    }
}
