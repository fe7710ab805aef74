import Glibc

extension Failure {
    /// What somebody is told who lacks the right to a file, a directory or a socket: whose it is, and whether there is a group
    /// to join. Where a directory above it is closed, that one is meant.
    ///
    /// - Parameter what: what was tried, as "opened".
    public static func notAdmitted(to path: String, what: String) -> Failure {
        var closed = path
        var status = stat()
        while lstat(closed, &status) != 0, let slash = closed.lastIndex(of: "/"), slash > closed.startIndex {
            closed = String(closed[..<slash])
        }
        let remedy: String
        if lstat(closed, &status) != 0 {
            remedy = "ask its administrator."
        } else if status.st_mode & 0o070 != 0, status.st_gid != 0 {
            let (group, user) = (AccountName.group(status.st_gid), AccountName.user(getuid()))
            remedy = "join the group \(group) (usermod -aG \(group) \(user), as root), and log in anew."
        } else {
            remedy = "only its owner, \(AccountName.user(status.st_uid)), may."
        }
        return Failure(
            .unavailable, "\(path) may not be \(what) by you: \(remedy)", cause: String(cString: strerror(EACCES)))
    }
}
