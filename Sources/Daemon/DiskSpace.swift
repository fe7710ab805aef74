import Failures
import Glibc

/// Whether there is room to take in more work, with hysteresis: a pure state machine, told the free space.
package struct DiskSpace {
    /// Free and all bytes of a file system.
    package struct Room {
        let path: String
        let free: Int
        let total: Int

        /// Nil if the file system does not say.
        package init?(of path: String) {
            var status = statvfs()
            guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
            self.init(
                path: path, free: Int(status.f_bavail) * Int(status.f_frsize),
                total: Int(status.f_blocks) * Int(status.f_frsize))
        }

        package init(path: String, free: Int, total: Int) {
            self.path = path
            self.free = free
            self.total = total
        }

        /// Below this nothing more is taken in: 64 MiB, or a twentieth of a small file system.
        package var floor: Int { min(64 << 20, total / 20) }
    }

    package private(set) var paused: Failure?

    package init() {}

    /// Something failed for want of room.
    package mutating func failed(_ failure: Failure) {
        paused = paused ?? failure
    }

    /// Pauses below the floor, goes on above twice the floor.
    package mutating func look(at rooms: [Room]) {
        if paused != nil {
            if rooms.allSatisfy({ $0.free > 2 * $0.floor }) { paused = nil }
        } else if let low = rooms.first(where: { $0.free < $0.floor }) {
            paused = Failure(
                .noSpace,
                "\(low.path) has \(low.free >> 20) MiB free: intake waits until there are \(2 * low.floor >> 20) MiB; free some space."
            )
        }
    }
}
