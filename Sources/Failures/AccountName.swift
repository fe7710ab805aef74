import Glibc

/// The names of users and groups, for messages; the number of one that has no name.
package enum AccountName {
    /// What one entry may take.
    private static let longest = 64 << 10

    package static func user(_ id: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: longest)
        // What is found lies in the buffer.
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let place = buffer.baseAddress, getpwuid_r(id, &entry, place, buffer.count, &found) == 0, found != nil
            else { return String(id) }
            return String(cString: entry.pw_name)
        }
    }

    package static func group(_ id: gid_t) -> String {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: longest)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let place = buffer.baseAddress, getgrgid_r(id, &entry, place, buffer.count, &found) == 0, found != nil
            else { return String(id) }
            return String(cString: entry.gr_name)
        }
    }
}
