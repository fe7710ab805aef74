import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@Suite("killing the service")
struct KillTests {
    /// Ten kills at random moments while a producer drops forty batches; the seed is printed by a failure.
    @Test("SIGKILL at ten random moments loses no input and doubles no row", arguments: [UInt64.random(in: 1...9_999)])
    func tenKills(seed: UInt64) throws {
        let service = try Service()
        try service.start()
        let producer = Producer(incoming: service.root("spool/p"), batches: 40, seed: seed)
        var random = Xorshift(state: seed)
        for _ in 0..<10 {
            usleep(UInt32(random.next() % 400_000))
            #expect(service.stop(SIGKILL) == -SIGKILL)
            try service.start()
        }
        let dropped = try producer.finish()
        try service.waitUntilSettled()

        #expect(try service.files(in: "failed") == [])
        #expect(try service.files(in: "done").count == dropped.count)
        let jobs = try service.rows("SELECT file_name, state, rows FROM v1_jobs")
        #expect(jobs.count == dropped.count)
        for job in jobs {
            #expect(job["state"] as String == "done")
            #expect(dropped[job["file_name"]] == job["rows"] as Int)
        }
        let total = dropped.values.reduce(0, +)
        #expect(try service.number("SELECT count(*) FROM v1_results") == total)
        #expect(try service.number("SELECT count(DISTINCT item_id) FROM v1_results") == total)
        #expect(try service.number("SELECT count(*) FROM v1_results WHERE status <> 'ok'") == 0)
        #expect(try service.rows("PRAGMA integrity_check").first?[0] as String? == "ok")
        #expect(service.stop() == 0)
    }

    @Test(
        "a stop that comes before the service can hear of it is heard later",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace"), "needs strace: apt-get install strace")
    )
    func earlyStop() throws {
        let service = try Service()
        // Holds every thread back as it names itself, and so the one that hears of signals.
        let process = try Sono.start(
            [
                "-f", "-o", "/dev/null", "-e", "trace=prctl", "-e", "inject=prctl:delay_enter=3000000:when=1",
                Sono.executable.path, "serve", "--root", service.root.path,
            ], logs: service.root.url.appending(path: "logs"), executable: URL(fileURLWithPath: "/usr/bin/strace"))
        var pid: Int32 = 0
        try eventually("it begins") {
            let lock = try? String(contentsOfFile: service.root("state/sono.lock"), encoding: .utf8)
            pid = lock?.split(separator: " ").first.flatMap { Int32($0) } ?? 0
            return pid > 0
        }
        defer { kill(pid, SIGKILL) }
        #expect(kill(pid, SIGTERM) == 0)
        try eventually("it stops", within: 30) { !process.isRunning }
        #expect(process.terminationStatus == 0)
    }

    @Test("a stop with work in flight gives the attempt back and the batch is finished after the next start")
    func stopInFlight() throws {
        let service = try Service()
        try service.start()
        for number in 1...3 {
            try service.drop(Batches.batch(rows: 200_000, seed: UInt64(number)), as: "big-\(number).safetensors")
        }
        try eventually("a batch is running") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'running'") == 1
        }
        #expect(service.stop() == 0)
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'running'") == 0)
        try service.start()
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_results") == 600_000)
        #expect(try service.number("SELECT max(attempts) FROM v1_jobs") == 1)
    }
}

/// Drops batches of different sizes on a thread of its own, as a careful producer does, whether a service runs or not.
private final class Producer: Sendable {
    private let outcome = Mutex<Result<[String: Int], any Error>>(.success([:]))
    private let done = DispatchSemaphore(value: 0)

    init(incoming pipeline: String, batches: Int, seed: UInt64) {
        Thread.detachNewThread { [self] in
            let result = Result {
                var random = Xorshift(state: seed ^ 0x5DEE_CE66)
                var dropped: [String: Int] = [:]
                for number in 1...UInt64(batches) {
                    let rows = 500 + Int(random.next() % 20_000)
                    let name = "batch-\(number).safetensors.zst"
                    let temporary = "\(pipeline)/.tmp/\(name)"
                    try Batches.batch(rows: rows, seed: number).zstdFrame.write(to: URL(fileURLWithPath: temporary))
                    try #require(rename(temporary, "\(pipeline)/incoming/\(name)") == 0)
                    dropped[name] = rows
                    usleep(UInt32(random.next() % 100_000))
                }
                return dropped
            }
            outcome.withLock { $0 = result }
            done.signal()
        }
    }

    /// - Returns: the rows of each batch, by name.
    func finish() throws -> [String: Int] {
        done.wait()
        return try outcome.withLock { $0 }.get()
    }
}

/// Marsaglia's xorshift64: enough to choose moments.
struct Xorshift {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
