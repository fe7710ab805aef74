import Dispatch
import Failures
import Foundation
import Spooling
import Synchronization
import Testing

@Suite("Watching incoming", .serialized)
struct IncomingWatcherTests {
    /// The hints that a watcher gave.
    private final class Hints: Sendable {
        private let received = Mutex<[IncomingWatcher.Hint]>([])
        func add(_ hint: IncomingWatcher.Hint) { received.withLock { $0.append(hint) } }
        var all: [IncomingWatcher.Hint] { received.withLock { $0 } }

        /// Waits up to 5 s for a hint of this kind.
        func wait(for hint: IncomingWatcher.Hint) async throws -> Bool {
            for _ in 0..<500 {
                if all.contains(hint) { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
    }

    private let spool: TemporarySpool
    private let directory: SpoolDirectory
    private let hints = Hints()
    private let queue = DispatchQueue(label: "watcher-test")
    private let watcher: IncomingWatcher

    init() throws {
        spool = try TemporarySpool()
        directory = try spool.open()
        watcher = try IncomingWatcher(directory: directory, queue: queue, onHint: hints.add)
    }

    private func intake() -> Intake {
        Intake(directory: directory, watcher: watcher)
    }

    private func claims(_ names: String...) -> [FileName] {
        names.map { FileName(checkedForTest: $0) }
    }

    @Test("a dropped file wakes the service")
    func wakes() async throws {
        try spool.drop("a.npy")
        #expect(try await hints.wait(for: .changed))
    }

    @Test("a renamed file is claimed at the first look, a copied one settles")
    func renamed() throws {
        var intake = intake()
        let now = Monotonic.now
        #expect(try intake.look(at: now).names == [])
        try spool.write("x", to: "\(spool.layout.temporary)/a.npy")
        try FileManager.default.moveItem(
            atPath: "\(spool.layout.temporary)/a.npy", toPath: "\(spool.layout.incoming)/a.npy")
        try spool.drop("copied.npy")
        #expect(try intake.look(at: now).names == claims("a.npy"))
        intake.left(FileName(checkedForTest: "a.npy"))
        #expect(intake.nextDeadline == now + .seconds(2))
    }

    @Test("a linked file is claimed at the second look, with or without its first name")
    func linked() throws {
        for isUnlinked in [false, true] {
            var intake = intake()
            let now = Monotonic.now
            let first = "\(spool.layout.temporary)/a.npy"
            let name = "\(isUnlinked).npy"
            try spool.write("x", to: first)
            try FileManager.default.linkItem(atPath: first, toPath: "\(spool.layout.incoming)/\(name)")
            #expect(try intake.look(at: now).names == [])
            if isUnlinked { try FileManager.default.removeItem(atPath: first) }
            #expect(try intake.look(at: now + .milliseconds(1)).names == claims(name))
            #expect(directory.claim(FileName(checkedForTest: name), token: .random()).stamp != nil)
        }
    }

    @Test("an unnamed file that is linked in is claimed at the second look")
    func unnamed() throws {
        var intake = intake()
        let descriptor = open(spool.layout.temporary, O_WRONLY | 0o20200000, 0o644)  // O_TMPFILE
        try #require(descriptor >= 0)
        #expect(write(descriptor, "x", 1) == 1)
        let incoming = "\(spool.layout.incoming)/a.npy"
        #expect(linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, incoming, AT_SYMLINK_FOLLOW) == 0)
        let now = Monotonic.now
        #expect(try intake.look(at: now).names == [])
        #expect(try intake.look(at: now + .milliseconds(1)).names == claims("a.npy"))
        close(descriptor)
    }

    @Test("a file that is still being written settles, looked at between any two of the writer's calls")
    func written() throws {
        var intake = intake()
        let now = Monotonic.now
        let descriptor = open("\(spool.layout.incoming)/a.npy", O_WRONLY | O_CREAT, 0o644)
        #expect(try intake.look(at: now).names == [])
        #expect(write(descriptor, "x", 1) == 1)
        #expect(try intake.look(at: now + .milliseconds(1)).names == [])
        #expect(try intake.look(at: now + .milliseconds(2)).names == [])
        close(descriptor)
        #expect(try intake.look(at: now + .seconds(1)).names == [])
        #expect(try intake.look(at: now + .milliseconds(2002)).names == claims("a.npy"))
    }

    @Test("a submitted file, which is closed only after its rename, is claimed at the first look")
    func submitted() throws {
        var intake = intake()
        try spool.write("x", to: "\(spool.root)/a.npy")
        _ = try Submission.submit(path: "\(spool.root)/a.npy", to: spool.layout)
        #expect(try intake.look(at: .now).names == claims("a.npy"))
    }

    @Test("a file that is overwritten straight after its rename settles")
    func overwritten() throws {
        var intake = intake()
        try spool.write("x", to: "\(spool.layout.temporary)/a.npy")
        try FileManager.default.moveItem(
            atPath: "\(spool.layout.temporary)/a.npy", toPath: "\(spool.layout.incoming)/a.npy")
        let descriptor = open("\(spool.layout.incoming)/a.npy", O_WRONLY | O_TRUNC)
        #expect(try intake.look(at: .now).names == [])
        close(descriptor)
    }

    @Test("a file that was there before the watch settles")
    func early() throws {
        try spool.drop("a.npy")
        var intake = intake()
        let now = Monotonic.now
        #expect(try intake.look(at: now).names == [])
        #expect(try intake.look(at: now + .seconds(2)).names == claims("a.npy"))
    }

    @Test("looking, listing and reading wake nobody")
    func quiet() async throws {
        var intake = intake()
        try spool.write("x", to: "\(spool.layout.incoming)/.hidden")
        for _ in 0..<20 {
            _ = try intake.look(at: .now)
            _ = spool.list(spool.layout.incoming)
            _ = try spool.read("\(spool.layout.incoming)/.hidden")
        }
        try await Task.sleep(for: .milliseconds(200))
        #expect(hints.all == [])
    }

    @Test(
        "a directory of the pipeline that is removed, moved or replaced is hinted at",
        arguments: ["incoming", "work", "done", "failed"])
    func lost(part: String) async throws {
        let path = "\(spool.layout.directory)/\(part)"
        if part == "incoming" {
            try FileManager.default.removeItem(atPath: path)
        } else {
            try FileManager.default.moveItem(atPath: path, toPath: "\(spool.root)/moved")
        }
        #expect(try await hints.wait(for: .directoryLost))
        #expect(throws: Failure(.ioError, "")) { try directory.verify() }
    }

    @Test("after an overflow of the kernel's queue every file is found all the same", .timeLimit(.minutes(2)))
    func overflow() throws {
        let limit = Int(try spool.read("/proc/sys/fs/inotify/max_queued_events").split(separator: "\n")[0]) ?? 16_384
        try #require(limit <= 100_000)
        // As if the service were busy elsewhere.
        queue.suspend()
        defer { queue.resume() }
        var intake = intake()
        let other = "\(spool.layout.temporary)/b.npy"
        try spool.write("x", to: other)
        // Names that are ignored fill the queue as well as any other.
        for index in 0...limit {
            let descriptor = open("\(spool.layout.incoming)/.\(index)", O_WRONLY | O_CREAT, 0o644)
            close(descriptor)
        }
        try FileManager.default.moveItem(atPath: other, toPath: "\(spool.layout.incoming)/b.npy")
        let now = Monotonic.now
        #expect(try intake.look(at: now).names == [])
        #expect(try intake.look(at: now + .seconds(2)).names == claims("b.npy"))
    }
}
