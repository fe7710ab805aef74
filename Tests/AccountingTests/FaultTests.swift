import Accounting
import Failures
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("Faults")
struct FaultTests {
    @Test("a program that holds the write lock makes a passing failure that names the remedy")
    func busy() throws {
        let fixture = try Fixture()
        try fixture.store.setBusyTimeout(milliseconds: 20)
        let failure = try fixture.outside { database throws -> Failure? in
            var found: Failure?
            try database.inTransaction(.immediate) {
                do { _ = try fixture.admit(1) } catch let failure as Failure { found = failure }
                return .rollback
            }
            return found
        }
        #expect(failure?.code == .ioError)
        #expect(failure?.code.isTransient == true)
        #expect(failure?.message.contains("locked by another program") == true)
        #expect(try fixture.admit(1).state == .queued)
    }

    @Test("a full disk is no_space, and the next commit works when there is space again")
    func full() throws {
        let fixture = try Fixture()
        let pages = try #require(try fixture.store.pragma("page_count").flatMap { Int($0) })
        try fixture.store.limit(pages: pages)
        var found: FailureCode?
        for seed in 0..<500 where found == nil {
            found = code { _ = try fixture.admit(seed) }
        }
        #expect(found == .noSpace)
        try fixture.store.limit(pages: 1_000_000)
        #expect(code { _ = try fixture.admit(1_000) } == nil)
        #expect(try fixture.store.integrityErrors().isEmpty)
    }

    @Test("damage found while running is store_damaged, and nothing is written any more")
    func damaged() throws {
        let fixture = try Fixture()
        for seed in 0..<300 { _ = try fixture.admit(seed) }
        try fixture.store.close()
        let page = try fixture.outside {
            try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'changes'") ?? 0
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: fixture.path))
        try handle.seek(toOffset: UInt64((page - 1) * 4_096))
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 4_096))
        try handle.close()
        // The change feed is not looked at in opening; the first transition meets the damage.
        try fixture.reopen()
        #expect(code { try fixture.store.hold(1) } == .storeDamaged)
        #expect(code { try fixture.store.forgetClaim("none") } == .storeDamaged)
        #expect(code { _ = try fixture.store.unsettled() } == .storeDamaged)
    }

    @Test("a store that was closed says so")
    func closed() throws {
        let fixture = try Fixture()
        try fixture.store.close()
        try fixture.store.close()
        #expect(code { _ = try fixture.store.unsettled() } == .unavailable)
        #expect(code { try fixture.store.hold(1) } == .unavailable)
    }

    @Test("what was committed is there after the process ends without closing, WAL and all")
    func abrupt() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        // A copy of the files at this instant is what a crash leaves.
        let copy = fixture.scratch("copy.sqlite")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: fixture.path + suffix, toPath: copy + suffix)
        }
        let store = try Store.open(path: copy)
        #expect(try store.job(job).state == .done)
        #expect(try StoreReader.open(path: copy).results().count == 3)
        #expect(try store.integrityErrors().isEmpty)
        try store.close()
    }

    @Test("a WAL torn at any place gives back the state of some earlier commit, rows and jobs together")
    func torn() throws {
        let fixture = try Fixture()
        for seed in 0..<4 { _ = try fixture.job(in: .done, seed: seed) }
        let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path + "-wal"))
        let copy = fixture.scratch("copy.sqlite")
        var seen: Set<Int> = []
        for length in Array(stride(from: 0, to: whole.count, by: max(1, whole.count / 25))) + [whole.count] {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: copy + suffix) }
            try FileManager.default.copyItem(atPath: fixture.path, toPath: copy)
            try whole.prefix(length).write(to: URL(fileURLWithPath: copy + "-wal"))
            let store = try Store.open(path: copy)
            try store.close()
            try Fixture.outside(copy) { database throws in
                let done = try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_jobs WHERE state = 'done'") ?? -1
                let rows = try Int.fetchOne(database, sql: "SELECT count(*) FROM v1_results") ?? -1
                let changes = try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM v1_changes WHERE to_state = 'done'")
                #expect(rows == 3 * done)
                #expect(changes == done)
                seen.insert(done)
            }
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }
}
