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
            let (group, user) = (groupName(status.st_gid), userName(getuid()))
            remedy = "join the group \(group) (usermod -aG \(group) \(user), as root), and log in anew."
        } else {
            remedy = "only its owner, \(userName(status.st_uid)), may."
        }
        return Failure(
            .unavailable, "\(path) may not be \(what) by you: \(remedy)", cause: String(cString: strerror(EACCES)))
    }

    private static func userName(_ id: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: longestEntry)
        // What is found lies in the buffer.
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let place = buffer.baseAddress, getpwuid_r(id, &entry, place, buffer.count, &found) == 0, found != nil
            else { return String(id) }
            return String(cString: entry.pw_name)
        }
    }

    private static func groupName(_ id: gid_t) -> String {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: longestEntry)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let place = buffer.baseAddress, getgrgid_r(id, &entry, place, buffer.count, &found) == 0, found != nil
            else { return String(id) }
            return String(cString: entry.gr_name)
        }
    }

    private static let longestEntry = 64 << 10
}
