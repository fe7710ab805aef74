import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Backup")
struct BackupTests {
    private let fixture: Fixture
    private var copy: String { fixture.scratch("copy.sqlite") }

    init() throws {
        fixture = try Fixture()
        for (seed, state) in [(1, JobState.done), (2, .failed), (3, .held)] {
            _ = try fixture.job(in: state, seed: seed)
        }
    }

    private func id(_ path: String) throws -> String { try StoreReader.open(path: path).info().storeID }

    @Test("a copy is one sound file that the group may read, made while the store is written to")
    func copying() throws {
        let backup = try StoreBackup.write(store: fixture.path, to: copy)
        #expect(backup.jobs == 3 && backup.lastResult == 3 && backup.path == copy)
        #expect(try backup.storeID == id(fixture.path) && backup.bytes > 4_096)
        #expect(try fixture.scratch.names().filter { $0.hasPrefix("copy") } == ["copy.sqlite"])
        #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o640)
        _ = try fixture.admit(4)
        #expect(try Fixture.outside(copy) { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_jobs") } == 3)
    }

    @Test("nothing that stands at its place is replaced, and a damaged store gives no copy")
    func refused() throws {
        try Data("mine".utf8).write(to: URL(fileURLWithPath: copy))
        #expect(code { _ = try StoreBackup.write(store: fixture.path, to: copy) } == .invalidArgument)
        #expect(try String(contentsOfFile: copy, encoding: .utf8) == "mine")
        try fixture.store.close()
        let page = try Fixture.outside(fixture.path) {
            try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'results'") ?? 1
        }
        let file = try #require(FileHandle(forWritingAtPath: fixture.path))
        try file.seek(toOffset: UInt64(page - 1) * 4_096)
        try file.write(contentsOf: Data(count: 4_096))
        try file.close()
        let other = fixture.scratch("other.sqlite")
        #expect(code { _ = try StoreBackup.write(store: fixture.path, to: other) } == .storeDamaged)
        #expect(try fixture.scratch.names().filter { $0.hasPrefix("other") } == [])
    }

    @Test("each time that a copy is put in place it is a store of its own, to be compared with the spool")
    func restored() throws {
        _ = try StoreBackup.write(store: fixture.path, to: copy)
        var ids = [try id(fixture.path)]
        for name in ["one.sqlite", "two.sqlite"] {
            let path = fixture.scratch(name)
            try FileManager.default.copyItem(atPath: copy, toPath: path)
            let store = try Store.open(path: path)
            #expect(try store.isToBeCompared())
            ids.append(try id(path))
            try store.close()
            let again = try Store.open(path: path)
            #expect(try again.isToBeCompared())
            try again.markCompared()
            #expect(try !again.isToBeCompared() && id(path) == ids.last)
            try again.close()
        }
        #expect(Set(ids).count == 3)
        #expect(try !fixture.store.isToBeCompared())
    }

    @Test("a copy beside the -wal of the store that it takes the place of is refused and left as it is")
    func foreignWAL() throws {
        _ = try StoreBackup.write(store: fixture.path, to: copy)
        _ = try fixture.admit(4)
        let place = fixture.scratch("place.sqlite")
        try FileManager.default.copyItem(atPath: copy, toPath: place)
        try FileManager.default.copyItem(atPath: fixture.path + "-wal", toPath: place + "-wal")
        let before = try Data(contentsOf: URL(fileURLWithPath: place))
        #expect(code { _ = try Store.open(path: place) } == .storeDamaged)
        #expect(code { _ = try StoreReader.open(path: place) } == .storeDamaged)
        #expect(try Data(contentsOf: URL(fileURLWithPath: place)) == before)
        try FileManager.default.removeItem(atPath: place + "-wal")
        try Store.open(path: place).close()
    }
}
