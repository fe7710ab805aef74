import Accounting
import Foundation
import TestSupport
import Testing

@Suite("the locks of a store")
struct LockTests {
    /// Whether a stranger could have SQLite's exclusive lock on a database, and so take its WAL away when it closes it.
    private func couldBeTakenAway(_ path: String) throws -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        // The bytes that every connection holds a shared lock on: 510 from the third after the pending byte.
        var lock = flock(
            l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0x4000_0002, l_len: 510, l_pid: 0)
        // F_OFD_GETLK: asks as another process would, against this process's own locks.
        try #require(fcntl(descriptor, 36, &lock) == 0)
        return lock.l_type == Int16(F_UNLCK)
    }

    @Test("readers and backups that come and go in the service's process leave the writer's locks alone")
    func kept() throws {
        let fixture = try Fixture()
        try fixture.store.begin(fixture.admit(1).jobID, Fixture.execution)
        try StoreReader.open(path: fixture.path).close()
        let folder = try Scratch()
        _ = try StoreBackup.write(store: fixture.path, to: folder("copy"))
        // Once: to close the descriptor that asks takes the locks away.
        #expect(try !couldBeTakenAway(fixture.path))
    }
}
