import Foundation
import GRDB
import TestSupport
import Testing

@Suite(
    "durability",
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace"), "needs strace: apt-get install strace"))
struct DurabilityTests {
    /// The order of a batch's life, which decides what a power loss can leave behind. No kill can show it: the kernel
    /// keeps what a killed process wrote.
    @Test("each step of a batch's life is durable before the next begins")
    func order() throws {
        let service = try Service(pipeline: "\(Service.pipeline)\noutput: { features: float32 }\n")
        let log = service.root("trace")
        try service.start(under: ["/usr/bin/strace"] + SystemCallTrace.arguments(log: log))
        let pid = try #require(try Sono.run(["status", "--root", service.root.path, "--json"]).json()["pid"] as? Int)
        defer { kill(Int32(pid), SIGKILL) }
        // The first batch makes what only the first one makes.
        try service.drop(Batches.batch(rows: 5, seed: 1), as: "first.safetensors")
        try service.waitUntilSettled()
        try service.drop(Batches.batch(rows: 100, seed: 2), as: "second.safetensors")
        try service.waitUntilSettled()
        #expect(kill(Int32(pid), SIGTERM) == 0)
        service.process?.waitUntilExit()

        let all = try SystemCallTrace(log: log, root: service.root.url.resolvingSymlinksInPath().path).events
        let (spool, features) = ("spool/p", "state/features/p")
        func rename(from old: String, to new: String) throws -> Int {
            let found = all.indices.filter { index in
                guard case .rename(let from, let to) = all[index] else { return false }
                return from.hasPrefix(old) && to.hasPrefix(new)
            }
            #expect(found.count == 1, "\(old) to \(new): \(all)")
            return try #require(found.first)
        }
        let claim = try rename(from: "\(spool)/incoming/second.safetensors", to: "\(spool)/work/")
        guard case .rename(_, let work) = all[claim] else { return }
        let filing = try rename(from: work, to: "\(spool)/done/2--second.safetensors")
        let publishing = try rename(from: "\(features)/.sono-", to: "\(features)/2.safetensors.zst")
        guard case .rename(let temporary, _) = all[publishing] else { return }
        let creating = try #require(all.firstIndex(of: .create(temporary)))
        try #require(claim < creating && creating < publishing && publishing < filing, "\(all)")

        // 0. The name is noted durably, then 1. the file moves.
        #expect(all[..<claim].last == .commit)
        // 1. The move, and the file's own bytes, are durable before 2. the job row is.
        let admission = try #require(all[claim...].firstIndex(of: .commit))
        let claimed = all[claim..<admission]
        for path in ["\(spool)/work", "\(spool)/incoming", work] {
            #expect(claimed.contains(.sync(path)), "\(claimed)")
        }
        // 2. and 3.: the row and the counted attempt, before 4. anything is computed.
        #expect(all[claim..<creating].count { $0 == .commit } >= 2)
        // 5. Refined vectors: written, synced, renamed, their directory synced; only then 6. the rows are visible.
        let visible = try #require(all[creating...].firstIndex(of: .commit))
        let steps: [SystemCallTrace.Event] = [
            .create(temporary), .sync(temporary), all[publishing], .sync(features), .commit, all[filing],
        ]
        let order = try steps.map { step in try #require(all[creating...].firstIndex(of: step), "\(step): \(all)") }
        #expect(order == order.sorted() && order[4] == visible)
        // 7. The file leaves work/ after its rows are visible, and is only then noted as filed.
        let filed = try #require(all[filing...].firstIndex(of: .commit))
        for path in ["\(spool)/done", "\(spool)/work"] { #expect(all[filing..<filed].contains(.sync(path))) }
    }

    @Test("what is put aside is durable before it is recorded and before it moves to failed/, and so is its reason")
    func refused() throws {
        let service = try Service()
        let log = service.root("trace")
        try service.start(under: ["/usr/bin/strace"] + SystemCallTrace.arguments(log: log))
        let pid = try #require(try Sono.run(["status", "--root", service.root.path, "--json"]).json()["pid"] as? Int)
        defer { kill(Int32(pid), SIGKILL) }
        try service.drop(Batches.safetensors([1, 2, 3], dimension: 3), as: "narrow.safetensors")
        try service.waitUntilSettled()
        #expect(kill(Int32(pid), SIGTERM) == 0)
        service.process?.waitUntilExit()

        let all = try SystemCallTrace(log: log, root: service.root.url.resolvingSymlinksInPath().path).events
        func rename(from old: String, to new: String) throws -> Int {
            try #require(
                all.firstIndex { event in
                    guard case .rename(let from, let to) = event else { return false }
                    return from.hasPrefix(old) && to == new
                }, "\(old) to \(new): \(all)")
        }
        let failed = "spool/p/failed"
        let filing = try rename(from: "spool/p/work/", to: "\(failed)/1--narrow.safetensors")
        guard case .rename(let work, _) = all[filing] else { return }
        let publishing = try rename(from: "\(failed)/.sono-reason-", to: "\(failed)/1--narrow.safetensors.reason.json")
        guard case .rename(let reason, _) = all[publishing] else { return }
        let bytes = try #require(all.firstIndex(of: .sync(work)), "\(all)")
        let row = try #require(all[bytes...].firstIndex(of: .commit))
        #expect(row < publishing && publishing < filing)
        #expect(all[row..<publishing].contains(.sync(reason)))
        #expect(all[publishing..<filing].contains(.sync(failed)))
    }

    @Test("a writer from outside that holds the store while a batch settles delays it, and its rows come once")
    func busyStore() throws {
        let service = try Service(pipeline: "\(Service.pipeline)\nrefine: { steps: 50 }\n")
        try service.start()
        try service.drop(Batches.batch(rows: 60_000, seed: 1), as: "a.safetensors")
        func rowsDone() throws -> Int? {
            let status = try Sono.run(["status", "--root", service.root.path, "--json"]).json()
            return (status["running"] as? [String: Any])?["rows_done"] as? Int
        }
        try eventually("it is computed") { try rowsDone() != nil }
        let outside = try DatabaseQueue(path: service.root("state/sono.sqlite"))
        try outside.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            #expect(try rowsDone() ?? 60_000 < 60_000, "computed before the store was taken")
            try eventually("it would settle") { try rowsDone() == 60_000 }
            // Longer than the service's own patience with SQLite.
            usleep(7_000_000)
            try database.execute(sql: "COMMIT")
        }
        try outside.close()
        try eventually("it is done") { try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1 }
        #expect(try service.number("SELECT count(*) FROM v1_changes WHERE to_state = 'retrying'") == 1)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 60_000)
        #expect(try service.number("SELECT attempts FROM v1_jobs") == 1)
        #expect(service.isRunning)
        #expect(service.stop() == 0)
    }
}
