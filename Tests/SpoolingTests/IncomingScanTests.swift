import Failures
import Spooling
import Testing

@Suite("Scan of incoming")
struct IncomingScanTests {
    let start = Monotonic.now
    let a = FileName(checkedForTest: "a.npy")
    let b = FileName(checkedForTest: "b.npy")

    private func at(_ seconds: Double) -> Monotonic.Instant { start + .milliseconds(Int64(seconds * 1000)) }

    private func entry(
        _ name: FileName, inode: UInt64 = 1, kind: FileKind = .regular, size: Int64 = 10, modified: Int64 = 1,
        changed: Int64 = 1
    ) -> IncomingEntry {
        IncomingEntry(
            name: name, stamp: FileStamp(inode: inode, kind: kind, size: size, modified: modified, changed: changed))
    }

    private func arrivals(_ name: FileName, _ event: Arrivals.Event) -> Arrivals {
        var arrivals = Arrivals()
        arrivals.events[name] = event
        return arrivals
    }

    @Test("a file found at start is claimed when it has kept still for the settle time, not before")
    func settles() {
        var scan = IncomingScan(settle: .seconds(2))
        #expect(scan.step([entry(a)], at: at(0)) == [])
        #expect(scan.nextDeadline == at(2))
        #expect(scan.step([entry(a)], at: at(1.9)) == [])
        #expect(scan.step([entry(a)], at: at(2)) == [a])
    }

    @Test(
        "growing, touching or replacing a file starts its settle time again",
        arguments: [
            FileStamp(inode: 1, size: 11, modified: 1, changed: 1),
            FileStamp(inode: 1, size: 10, modified: 2, changed: 1),
            FileStamp(inode: 1, size: 10, modified: 1, changed: 2),
            FileStamp(inode: 2, size: 10, modified: 1, changed: 1),
            FileStamp(device: 9, inode: 1, size: 10, modified: 1, changed: 1),
        ])
    func changeStartsAgain(stamp: FileStamp) {
        var scan = IncomingScan(settle: .seconds(2))
        _ = scan.step([entry(a)], at: at(0))
        #expect(scan.step([IncomingEntry(name: a, stamp: stamp)], at: at(1.5)) == [])
        #expect(scan.step([IncomingEntry(name: a, stamp: stamp)], at: at(3.4)) == [])
        #expect(scan.nextDeadline == at(3.5))
        #expect(scan.step([IncomingEntry(name: a, stamp: stamp)], at: at(3.5)) == [a])
    }

    @Test("a file that arrived by rename is claimed at once, even over one that was waiting")
    func renamed() {
        var scan = IncomingScan()
        #expect(scan.step([entry(a)], arrivals: .renamed(a), at: at(0)) == [a])
        #expect(scan.step([entry(b)], at: at(1)) == [])
        #expect(scan.step([entry(b, inode: 2)], arrivals: .renamed(b), at: at(1.1)) == [b])
    }

    @Test("a file that arrived by link is claimed at the very next look, also when its first name goes meanwhile")
    func linked() {
        for changed in [Int64(1), 2] {
            var scan = IncomingScan()
            #expect(scan.step([entry(a)], arrivals: arrivals(a, .created), at: at(0)) == [])
            #expect((scan.nextDeadline ?? at(9)) <= at(0.001))
            #expect(scan.step([entry(a, changed: changed)], at: at(0.001)) == [a])
        }
    }

    @Test("a file that is created and opened is being written, and must settle")
    func created() {
        var scan = IncomingScan()
        _ = scan.step([entry(a)], arrivals: arrivals(a, .created), at: at(0))
        #expect(scan.step([entry(a)], arrivals: arrivals(a, .opened), at: at(0.001)) == [])
        #expect(scan.nextDeadline == at(2.001))

        var empty = IncomingScan()
        _ = empty.step([entry(a, size: 0)], arrivals: arrivals(a, .created), at: at(0))
        #expect(empty.step([entry(a, size: 0)], at: at(0.001)) == [])
        #expect(empty.nextDeadline == at(2))
    }

    @Test("after an overflow nothing is known, and everything must settle")
    func overflow() {
        var lost = Arrivals()
        lost.overflowed = true
        var scan = IncomingScan()
        _ = scan.step([entry(a)], arrivals: arrivals(a, .created), at: at(0))
        #expect(scan.step([entry(a), entry(b)], arrivals: lost, at: at(0.1)) == [])
        #expect(scan.step([entry(a), entry(b)], at: at(2.2)) == [a, b])
    }

    @Test(
        "what is not a regular file is claimed under the same rules, to be refused unopened",
        arguments: [FileKind.directory, .symlink, .fifo, .socket, .device, .other])
    func notRegular(kind: FileKind) {
        var scan = IncomingScan()
        #expect(scan.step([entry(a, kind: kind)], at: at(0)) == [])
        #expect(scan.step([entry(a, kind: kind)], at: at(2)) == [a])
        var other = IncomingScan()
        #expect(other.step([entry(a, kind: kind)], arrivals: .renamed(a), at: at(0)).count == 1)
    }

    @Test("what could not be claimed comes again after 2, 4, 8 seconds, up to a minute; a change starts afresh")
    func backsOff() {
        var scan = IncomingScan()
        _ = scan.step([entry(a)], arrivals: .renamed(a), at: at(0))
        var now = 0.0
        for pause in [2.0, 4, 8, 16, 32, 60, 60, 60] {
            #expect(scan.nextDeadline == at(now + pause))
            #expect(scan.step([entry(a)], at: at(now + pause - 0.1)) == [])
            now += pause
            #expect(scan.step([entry(a)], at: at(now)) == [a])
        }
        #expect(scan.step([entry(a, size: 11)], at: at(now + 1)) == [])
        #expect(scan.nextDeadline == at(now + 3))
    }

    @Test("what was claimed or has vanished is not waited for")
    func forgets() {
        var scan = IncomingScan()
        _ = scan.step([entry(a), entry(b)], at: at(0))
        scan.left(a)
        #expect(scan.waitingCount == 1)
        #expect(scan.step([], at: at(1)) == [])
        #expect(scan.nextDeadline == nil)
    }

    @Test("the oldest go first: by when they were seen, then by mtime, then by name")
    func order() {
        let c = FileName(checkedForTest: "c.npy")
        var scan = IncomingScan()
        _ = scan.step([entry(c, modified: 9)], at: at(0))
        let all = [entry(b, modified: 5), entry(a, modified: 5), entry(c, modified: 9)]
        _ = scan.step(all, at: at(1))
        #expect(scan.step(all, at: at(5)) == [c, a, b])
    }
}
