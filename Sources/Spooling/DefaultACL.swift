import CLinux
import Failures
import Glibc

/// The default ACL of incoming/ and .tmp/: what is created in them can be read by the service, whatever the producer's
/// umask, and by no other producer.
///
/// A file that its producer creates with mode 0600, or that was made elsewhere and renamed, is not helped by it.
enum DefaultACL {
    /// From linux/posix_acl_xattr.h: a version, then entries of tag, permissions and id, all little-endian.
    private static let version: UInt32 = 2
    private enum Tag: UInt16 {
        case owner = 0x01
        case user = 0x02
        case owningGroup = 0x04
        case mask = 0x10
        case other = 0x20
    }

    /// Sets it on a directory; on a file system without ACLs nothing is done.
    static func set(on path: String, reader: uid_t) throws {
        let value = bytes(reader: reader)
        guard setxattr(path, "system.posix_acl_default", value, value.count, 0) != 0, errno != EOPNOTSUPP else {
            return
        }
        throw Failure.system("set the default ACL of \(path)")
    }

    /// Once root has run the service, root is who may read. That is put right here for whoever runs it now; any other ACL is
    /// somebody's wish.
    static func takeOverFromRoot(_ path: String, reader: uid_t) {
        guard reader != 0 else { return }
        let roots = bytes(reader: 0)
        var found = [UInt8](repeating: 0, count: roots.count)
        guard getxattr(path, "system.posix_acl_default", &found, found.count) == found.count, found == roots else {
            return
        }
        try? set(on: path, reader: reader)
    }

    private static func bytes(reader: uid_t) -> [UInt8] {
        let (read, all, none): (UInt16, UInt16, UInt16) = (4, 7, 0)
        let entries: [(Tag, UInt16, UInt32)] = [
            (.owner, all, .max), (.user, read, reader), (.owningGroup, none, .max), (.mask, read, .max),
            (.other, none, .max),
        ]
        func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        return littleEndian(version)
            + entries.flatMap { littleEndian($0.rawValue) + littleEndian($1) + littleEndian($2) }
    }
}
