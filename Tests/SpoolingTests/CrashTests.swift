import Failures
import Foundation
import Spooling
import Synchronization
import Testing

/// kill -9 before every call that changes the disk: from the k-th on, none is made any more. Then a new life begins.
@Suite("Death between any two system calls")
struct CrashTests {
    /// Calls of which the k-th and all later ones are never made.
    private final class Death: Sendable {
        private let left: Atomic<Int>
        init(beforeCall number: Int) { left = Atomic(number) }

        var calls: SystemCalls {
            SystemCalls { [self] call in
                call == .open ? nil : left.wrappingSubtract(1, ordering: .relaxed).newValue < 0 ? EIO : nil
            }
        }
        var hasHappened: Bool { left.load(ordering: .relaxed) < 0 }
    }

    private let name = FileName(checkedForTest: "batch.npy")
    private let token = ClaimToken.random()

    /// Runs `life` with death before call 0, 1, 2, … until it survives; after each death, `recover`.
    private func sweep(
        life: (TemporarySpool, SpoolDirectory) throws -> Void,
        recover: (TemporarySpool, SpoolDirectory, _ inode: UInt64) throws -> Void
    ) throws -> Int {
        for number in 0..<100 {
            let spool = try TemporarySpool()
            try spool.drop("batch.npy")
            let inode = try #require(try spool.open().scan().entries.first).stamp.inode
            let death = Death(beforeCall: number)
            try? life(spool, try spool.open(calls: death.calls))
            #expect(spool.places(ofInode: inode).count == 1, "death before call \(number)")
            checkReasons(spool)
            let directory = try spool.open()
            try directory.sweep()
            try recover(spool, directory, inode)
            #expect(spool.places(ofInode: inode).count == 1, "after recovery from death before call \(number)")
            checkReasons(spool)
            for path in [spool.layout.incoming, spool.layout.work, spool.layout.done, spool.layout.failed] {
                #expect(!spool.list(path).contains { $0.hasPrefix(".") })
            }
            if !death.hasHappened { return number }
        }
        Issue.record("the life never ended")
        return 0
    }

    /// No input in failed/ without its reason.
    private func checkReasons(_ spool: TemporarySpool) {
        let names = spool.list(spool.layout.failed)
        for name in names where !name.hasPrefix(".") && !name.hasSuffix(".reason.json") {
            #expect(names.contains("\(name).reason.json"))
        }
    }

    /// What the service does with a claim note at start.
    private func claimAgain(_ directory: SpoolDirectory) throws {
        if try directory.stamp(of: token) == nil {
            #expect(directory.claim(name, token: token).stamp != nil)
        }
    }

    @Test("claiming and settling: the input is in one place at every death, and in done after the next start")
    func settle() throws {
        let deaths = try sweep { _, directory in
            guard directory.claim(name, token: token).stamp != nil else { return }
            try directory.makeDurable(token, name: name)
            _ = try directory.settle(token, jobID: 3, name: name)
        } recover: { spool, directory, inode in
            if spool.places(ofInode: inode) != ["\(spool.layout.done)/3--batch.npy"] { try claimAgain(directory) }
            #expect(try directory.settle(token, jobID: 3, name: name).displayText == "3--batch.npy")
            #expect(spool.places(ofInode: inode) == ["\(spool.layout.done)/3--batch.npy"])
        }
        #expect(deaths >= 7)
    }

    @Test("quarantine: no input in failed is ever without its reason")
    func quarantine() throws {
        let deaths = try sweep { _, directory in
            guard directory.claim(name, token: token).stamp != nil else { return }
            _ = try directory.quarantine(token, jobID: 3, name: name, reason: reason(3, name))
        } recover: { spool, directory, inode in
            if spool.places(ofInode: inode) != ["\(spool.layout.failed)/3--batch.npy"] { try claimAgain(directory) }
            let filed = try directory.quarantine(token, jobID: 3, name: name, reason: reason(3, name))
            #expect(spool.places(ofInode: inode) == ["\(spool.layout.failed)/\(filed)"])
        }
        #expect(deaths >= 11)
    }

    @Test("requeue: the input is in failed or in work, and comes back when asked again")
    func reclaim() throws {
        let second = ClaimToken.random()
        let deaths = try sweep { spool, directory in
            let live = try spool.open()
            #expect(live.claim(name, token: token).stamp != nil)
            let filed = try live.quarantine(token, jobID: 3, name: name, reason: reason(3, name))
            _ = try directory.reclaim(filed, from: .failed, token: second)
        } recover: { spool, directory, inode in
            let isBack = try directory.reclaim(name.settled(jobID: 3), from: .failed, token: second)
            #expect(isBack)
            #expect(spool.places(ofInode: inode) == [spool.layout.path(of: second)])
            #expect(spool.list(spool.layout.failed) == [])
        }
        #expect(deaths >= 4)
    }

    @Test("submit: the file is in incoming whole, or not at all")
    func submit() throws {
        let contents = String(repeating: "whole ", count: 400_000)
        for number in 0..<100 {
            let spool = try TemporarySpool()
            let source = "\(spool.root)/source.npy"
            try spool.write(contents, to: source)
            let death = Death(beforeCall: number)
            _ = try? Submission.submit(path: source, to: spool.layout, calls: death.calls)
            for file in spool.list(spool.layout.incoming) {
                #expect(file == "source.npy")
                #expect(try spool.read("\(spool.layout.incoming)/\(file)") == contents)
            }
            #expect(try spool.read(source) == contents)
            if !death.hasHappened {
                #expect(spool.list(spool.layout.incoming) == ["source.npy"])
                #expect(number >= 6)
                return
            }
        }
        Issue.record("the submission never ended")
    }

    @Test("a full disk is no_space wherever it strikes, and the same call works once there is room")
    func fullDisk() throws {
        for call in [SystemCalls.Call.create, .write, .sync, .rename] {
            let spool = try TemporarySpool()
            try spool.drop("batch.npy")
            let full = try spool.open(calls: SystemCalls { $0 == call ? ENOSPC : nil })
            let live = try spool.open()
            #expect(live.claim(name, token: token).stamp != nil)
            #expect(throws: Failure(.noSpace, "")) {
                try full.quarantine(token, jobID: 1, name: name, reason: reason(1, name))
            }
            #expect(try live.quarantine(token, jobID: 1, name: name, reason: reason(1, name)) == name.settled(jobID: 1))
            #expect(spool.list(spool.layout.failed) == ["1--batch.npy", "1--batch.npy.reason.json"])
        }
    }

    @Test("a claim whose fsync fails is reported as failed, and the file is found in work")
    func syncFails() throws {
        let spool = try TemporarySpool()
        try spool.drop("batch.npy")
        let directory = try spool.open(calls: SystemCalls { $0 == .sync ? EIO : nil })
        #expect(directory.claim(name, token: token).failure?.code == .ioError)
        #expect(try directory.stamp(of: token) != nil)
    }
}
