import Accounting
import Daemon
import Failures
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("a damaged store", .serialized)
struct StoreRecoveryTests {
    enum Damage: CaseIterable {
        /// A page in the middle of the rows.
        case rows
        /// The upper page of the jobs' table: none of them can be found.
        case jobs
        case ledger
        case garbage
        case cutInHalf
    }

    private func inflict(_ damage: Damage, on path: String) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = try Data(contentsOf: url)
        func zero(_ sql: String) throws {
            let database = try DatabaseQueue(path: path)
            defer { try? database.close() }
            let page = try #require(try database.read { try Int.fetchOne($0, sql: sql) })
            bytes.replaceSubrange((page - 1) * 4_096..<page * 4_096, with: Data(count: 4_096))
        }
        switch damage {
        case .rows:
            // Where a row of the second batch stands: found by its text, for SQLite here has no dbstat.
            let text = Data("[[\"".utf8)
            let middle = bytes.count / 2
            let hit = try #require(bytes.range(of: text, in: middle..<bytes.count)).lowerBound
            let page = hit / 4_096
            bytes.replaceSubrange(page * 4_096..<(page + 1) * 4_096, with: Data(count: 4_096))
        case .jobs: try zero("SELECT rootpage FROM sqlite_master WHERE name = 'jobs'")
        case .ledger: try zero("SELECT rootpage FROM sqlite_master WHERE name = 'identities'")
        case .garbage: bytes = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
        case .cutInHalf: bytes.removeLast(bytes.count / 2 / 4_096 * 4_096)
        }
        try bytes.write(to: url)
    }

    @Test(
        "nothing of it is overwritten, and no batch whose input is kept is lost or counted twice",
        arguments: Damage.allCases)
    func recovery(_ damage: Damage) throws {
        let root = try Root()
        var service = try root.start()
        for seed in 1...6 { try root.drop(500, seed: UInt64(seed), as: "\(seed).safetensors") }
        try root.drop(500, seed: 3, as: "twice.safetensors")
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: root.scratch("spool/p/incoming/bad.npz")))
        try eventually("all are settled: \(root.whereabouts)") {
            try root.states().filter { $0 == .done }.count == 6 && root.states().count == 8
        }
        #expect(service.stop() == nil)
        let old = try root.client.report().report.store?.storeID
        try inflict(damage, on: root.paths.store)
        let evidence = try Data(contentsOf: URL(fileURLWithPath: root.paths.store))

        let report = try StoreRecovery(paths: root.paths).run()
        #expect(try Data(contentsOf: URL(fileURLWithPath: report.damaged)) == evidence)
        #expect(report.storeID != old)
        if damage == .rows { #expect(report.salvage.jobsToRecompute.count >= 1) }
        if damage == .garbage { #expect(report.salvage.tables.allSatisfy { $0.isGivenUp && $0.rows == 0 }) }
        #expect(try root.scratch.names("state").filter { $0.hasPrefix("recovery-") } == [])

        service = try root.start()
        try eventually("all of them are there: \(root.whereabouts)") {
            let states = try root.states()
            return states.filter { $0 == .done }.count == 6 && !states.contains { !$0.isSettled }
        }
        try eventually("and nothing is on its way") { try root.names("work") == [] && root.names("incoming") == [] }
        #expect(service.stop() == nil)
        let reader = try StoreReader.open(path: root.paths.store)
        let rows = try reader.results(limit: 100_000)
        #expect(rows.count == 3_000)
        #expect(Set(rows.map { "\($0.jobID) \($0.row)" }).count == 3_000)
        let jobs = try reader.jobs()
        #expect(Set(jobs.filter { $0.state == .done }.map(\.sha256)).count == 6)
        #expect(jobs.filter { $0.state == .failed }.count == 1)
        #expect(jobs.filter { $0.state == .duplicate }.count == 1)
        #expect(try reader.integrityErrors() == [])
        #expect(try root.names("done").count == 7 && root.names("failed").count == 2)
        // Numbers of the old store are not given out again: names in done/ bear them.
        #expect(Set(jobs.map(\.jobID)).count == 8)
    }

    @Test("a sound store is not recovered, nor one that a service has open")
    func refused() throws {
        let root = try Root()
        let service = try root.start()
        #expect(
            try #require(throws: Failure.self) { try StoreRecovery(paths: root.paths).run() }.code == .alreadyRunning)
        service.stop()
        let before = try Data(contentsOf: URL(fileURLWithPath: root.paths.store))
        #expect(try #require(throws: Failure.self) { try StoreRecovery(paths: root.paths).run() }.code == .wrongState)
        #expect(try Data(contentsOf: URL(fileURLWithPath: root.paths.store)) == before)
    }

    @Test("rows that are lost for good are told, and their job keeps none of them")
    func lostForGood() throws {
        let root = try Root()
        let service = try root.start()
        for seed in 1...4 { try root.drop(500, seed: UInt64(seed), as: "\(seed).safetensors") }
        try eventually("done") { try root.states() == [.done, .done, .done, .done] }
        service.stop()
        try inflict(.rows, on: root.paths.store)
        for name in try root.names("done") {
            try FileManager.default.removeItem(atPath: root.scratch("spool/p/done/\(name)"))
        }
        let report = try StoreRecovery(paths: root.paths).run()
        let lost = report.salvage.jobsWithoutRows
        #expect(!lost.isEmpty && report.salvage.jobsToRecompute.isEmpty)
        let again = try root.start()
        defer { again.stop() }
        let rows = try root.client.results(limit: 10_000).page.results
        #expect(rows.count == (4 - lost.count) * 500)
        #expect(Set(rows.map(\.jobID)).isDisjoint(with: lost))
    }
}
