import Foundation
import GRDB
import TestSupport
import Testing

@Suite("backup, restore and repair")
struct RepairTests {
    private func drop(_ numbers: ClosedRange<Int>, into service: Service) throws {
        for number in numbers {
            try service.drop(Batches.batch(rows: 500, seed: UInt64(number)), as: "\(number).safetensors")
        }
    }

    private func expectAll(_ batches: Int, in service: Service) throws {
        try eventually("all batches are there") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == batches
        }
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_results") == batches * 500)
        #expect(try service.number("SELECT count(DISTINCT item_id) FROM v1_results") == batches * 500)
        #expect(try service.files(in: "done").count == batches)
        #expect(try service.rows("PRAGMA integrity_check").first?[0] as String? == "ok")
    }

    @Test("restored as the README says, a backup made under load loses no batch and counts none twice")
    func restore() throws {
        let service = try Service()
        let (store, copy) = (service.root("state/sono.sqlite"), service.root("copy.sqlite"))
        try service.start()
        try drop(1...6, into: service)
        try eventually("some are done") { try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") > 1 }
        let backup = try Sono.run(["backup", copy, "--json", "--root", service.root.path])
        #expect(backup.status == 0, "\(backup.errors)")
        let old = try #require(backup.json()["store_id"] as? String)
        #expect(try Sono.run(["backup", copy, "--root", service.root.path]).status == 64)
        try drop(7...9, into: service)
        try service.waitUntilSettled()
        try drop(10...12, into: service)
        service.stop(SIGKILL)

        let files = FileManager.default
        // Forgetting the -wal is found, before it spoils the copy.
        try files.moveItem(atPath: store, toPath: service.root("old.sqlite"))
        try files.copyItem(atPath: copy, toPath: store)
        let refused = try Sono.run(["serve", "--root", service.root.path])
        #expect(refused.status == 65 && refused.errors.contains("move"), "\(refused.errors)")
        for suffix in ["-wal", "-shm"] { try files.removeItem(atPath: store + suffix) }
        try service.start()
        try expectAll(12, in: service)
        #expect(try service.rows("SELECT store_id FROM v1_store").first?[0] != old)
        #expect(service.stop() == 0)
        let doctor = try Sono.run(["doctor", "--json", "--root", service.root.path])
        #expect(doctor.status == 0, "\(doctor.output)")
    }

    @Test("a store damaged under a killed service is named by doctor, recovered, and complete after the next start")
    func repair() throws {
        let service = try Service()
        let store = service.root("state/sono.sqlite")
        try service.start()
        try drop(1...8, into: service)
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        try service.start()
        // These stay in the WAL: a kill leaves no time to copy them back.
        try drop(9...10, into: service)
        try service.waitUntilSettled()
        service.stop(SIGKILL)
        let file = try #require(FileHandle(forUpdatingAtPath: store))
        let pages = try file.seekToEnd() / 4_096
        for page in [pages / 2, pages / 2 + 5, pages - 2] {
            try file.seek(toOffset: page * 4_096)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4_096))
        }
        try file.close()
        let evidence = try Data(contentsOf: URL(fileURLWithPath: store))

        let doctor = try Sono.run(["doctor", "--root", service.root.path])
        #expect(doctor.status == 1 && doctor.output.contains("doctor --recover"), "\(doctor.output)")
        let recovery = try Sono.run(["doctor", "--recover", "--json", "--root", service.root.path])
        #expect(recovery.status == 0, "\(recovery.errors)")
        let damaged = try #require(recovery.json()["damaged"] as? String)
        #expect(try Data(contentsOf: URL(fileURLWithPath: damaged)) == evidence)
        try service.start()
        try expectAll(10, in: service)
        #expect(service.stop() == 0)
        #expect(try Sono.run(["doctor", "--root", service.root.path]).status == 0)
        #expect(try Sono.run(["doctor", "--recover", "--root", service.root.path]).status == 65)
    }
}
