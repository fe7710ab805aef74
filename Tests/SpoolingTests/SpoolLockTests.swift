import Failures
import Foundation
import Spooling
import Synchronization
import Testing

@Suite("The lock")
struct SpoolLockTests {
    let spool: TemporarySpool
    let state: String

    init() throws {
        spool = try TemporarySpool()
        state = "\(spool.root)/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
    }

    private func take(spool path: String? = nil, for holder: SpoolLock.Holder = .service) throws -> SpoolLock {
        try SpoolLock(spool: path ?? spool.root, state: state, for: holder, started: "2026-01-01T00:00:00Z")
    }

    @Test("the second daemon is told which process runs already, also when only the state is shared")
    func second() throws {
        let first = try take()
        let other = try TemporarySpool()
        for path in [spool.root, other.root] {
            let failure = #expect(throws: Failure(.alreadyRunning, "")) { try take(spool: path) }
            #expect(failure?.message.contains("process \(getpid()), running since 2026-01-01T00:00:00Z") == true)
        }
        #expect(SpoolLock.holder(spool: spool.root, state: state) == getpid())
        // The failed attempt on the other spool let go of what it had.
        #expect(SpoolLock.holder(spool: other.root, state: other.root) == nil)
        withExtendedLifetime(first) {}
    }

    @Test("a service waits for a command that has it; a command gives up at once")
    func command() throws {
        let first = Mutex<SpoolLock?>(try take(for: .command))
        #expect(throws: Failure(.alreadyRunning, "")) { try take(for: .command) }
        let isFree = Mutex(false)
        Thread.detachNewThread {
            usleep(400_000)
            isFree.withLock { $0 = true }
            first.withLock { $0 = nil }
        }
        let service = try take()
        #expect(isFree.withLock { $0 })
        withExtendedLifetime(service) {}
    }

    @Test("it is free again when its value goes")
    func released() throws {
        do {
            let first = try take()
            withExtendedLifetime(first) {}
        }
        #expect(SpoolLock.holder(spool: spool.root, state: state) == nil)
        let again = try take()
        withExtendedLifetime(again) {}
    }

    @Test("the kernel releases it when the holder is killed")
    func killed() throws {
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        holder.arguments = ["--no-fork", "\(spool.root)/.lock", "sleep", "60"]
        try holder.run()
        while SpoolLock.holder(spool: spool.root, state: state) == nil, holder.isRunning { usleep(5_000) }
        #expect(throws: Failure(.alreadyRunning, "")) { try take() }
        kill(holder.processIdentifier, SIGKILL)
        holder.waitUntilExit()
        let lock = try take()
        withExtendedLifetime(lock) {}
    }

    @Test("a lock file that was removed and made anew does not let a second daemon in beside the first of the new file")
    func replacedFile() throws {
        let first = try take()
        try FileManager.default.removeItem(atPath: "\(spool.root)/.lock")
        // The state's lock still keeps it out.
        #expect(throws: Failure(.alreadyRunning, "")) { try take() }
        withExtendedLifetime(first) {}
    }
}
