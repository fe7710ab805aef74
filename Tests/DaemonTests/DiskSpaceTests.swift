import Daemon
import Failures
import Testing

@Suite("room on the disk")
struct DiskSpaceTests {
    private func room(_ free: Int, of total: Int = 1_000 << 30) -> DiskSpace.Room {
        DiskSpace.Room(path: "/x", free: free, total: total)
    }

    @Test("intake pauses below the floor, and goes on only above twice the floor")
    func hysteresis() {
        var space = DiskSpace()
        let floor = room(0).floor
        #expect(floor == 64 << 20)
        space.look(at: [room(floor)])
        #expect(space.paused == nil)
        space.look(at: [room(10 * floor), room(floor - 1)])
        #expect(space.paused?.code == .noSpace)
        space.look(at: [room(10 * floor), room(2 * floor)])
        #expect(space.paused != nil)
        space.look(at: [room(10 * floor), room(2 * floor + 1)])
        #expect(space.paused == nil)
    }

    @Test("a failed write pauses too, until there is room")
    func failedWrite() {
        var space = DiskSpace()
        space.failed(Failure(.noSpace, "disk quota"))
        space.look(at: [room(1 << 20)])
        #expect(space.paused?.message == "disk quota")
        space.look(at: [room(1 << 40)])
        #expect(space.paused == nil)
    }

    @Test("a small file system has a small floor")
    func smallDisk() {
        #expect(room(0, of: 20 << 20).floor == 1 << 20)
    }
}
