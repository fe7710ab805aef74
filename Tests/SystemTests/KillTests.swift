import Foundation
import GRDB
import TestSupport
import Testing

@Suite("killing the service")
struct KillTests {
    /// Ten kills at random moments while three producers' worth of batches arrive; the seed is printed by a failure.
    @Test("SIGKILL at ten random moments loses no input and doubles no row", arguments: [UInt64.random(in: 1...9_999)])
    func tenKills(seed: UInt64) throws {
        let service = try Service()
        var random = Xorshift(state: seed)
        var dropped: [String: Int] = [:]
        try service.start()
        for kill in 0..<10 {
            for batch in 0..<4 {
                let number = UInt64(kill * 4 + batch + 1)
                let rows = 500 + Int(random.next() % 20_000)
                let name = "batch-\(number).safetensors.zst"
                try service.drop(Batches.batch(rows: rows, seed: number).zstdFrame, as: name)
                dropped[name] = rows
            }
            usleep(UInt32(random.next() % 400_000))
            #expect(service.stop(SIGKILL) == -SIGKILL)
            try service.start()
        }
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
