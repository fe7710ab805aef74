import Glibc

extension Failure {
    /// What somebody is told who lacks the right to a directory or a socket: whose it is, and whether there is a group to join.
    ///
    /// - Parameter what: what was tried, as "opened".
    public static func notAdmitted(to path: String, what: String) -> Failure {
        var status = stat()
        let remedy: String
        if lstat(path, &status) != 0 {
            remedy = "ask its administrator."
        } else if status.st_mode & 0o070 != 0, status.st_gid != 0 {
            let name = getgrgid(status.st_gid).map { String(cString: $0.pointee.gr_name) } ?? String(status.st_gid)
            remedy = "join the group \(name) (usermod -aG \(name) USER, as root), and log in anew."
        } else {
            let name = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? String(status.st_uid)
            remedy = "only its owner, \(name), may."
        }
        return Failure(
            .unavailable, "\(path) may not be \(what) by you: \(remedy)", cause: String(cString: strerror(EACCES)))
    }
}
