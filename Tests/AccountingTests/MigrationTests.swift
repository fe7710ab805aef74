import Accounting
import Failures
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("Opening and migrating")
struct MigrationTests {
    private let scratch: Scratch
    private var path: String { scratch("sono.sqlite") }

    init() throws {
        scratch = try Scratch()
    }

    private func open(_ migrations: [String]) throws -> Store {
        try Store.open(path: path, migrations: migrations, now: { Date() })
    }

    private func schema(_ path: String) throws -> [String] {
        try Fixture.outside(path) {
            try String.fetchAll($0, sql: "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY type, name")
        }
    }

    @Test("from every earlier version the newest schema comes out, data kept")
    func everyVersion() throws {
        // What later versions may look like, after those that exist.
        let migrations =
            Store.migrations + [
                "ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
                "CREATE TABLE lanes (name TEXT PRIMARY KEY) STRICT",
            ]
        try open(migrations).close()
        let whole = try schema(path)
        for version in 1..<migrations.count {
            let old = scratch("from-\(version).sqlite")
            try Store.open(path: old, migrations: Array(migrations[..<version]), now: { Date() }).close()
            // As that version wrote it: today's program writes columns that it did not have.
            let job: JobID = try Fixture.outside(old) { database throws in
                try database.execute(
                    sql: """
                        INSERT INTO jobs (token, pipeline, name, file_name, file_bytes, sha256, state, rows, submitted_at)
                            VALUES ('t', 'photos', x'61', 'a', 3, ?1, 'queued', 2, '2026-11-24T20:45:00.123Z');
                        """, arguments: [Fixture.digest(1)])
                let job = database.lastInsertedRowID
                try database.execute(
                    sql: "INSERT INTO identities (pipeline, sha256, job_id) VALUES ('photos', ?, ?)",
                    arguments: [Fixture.digest(1), job])
                return job
            }
            let migrated = try Store.open(path: old, migrations: migrations, now: { Date() })
            #expect(try migrated.job(job).sha256 == Fixture.digest(1))
            let again = Admission(
                token: "u", pipeline: "photos", name: [98], sha256: Fixture.digest(1), rows: 2, fileBytes: 3)
            #expect(try migrated.admit(again).duplicateOf == job)
            try migrated.close()
            #expect(try schema(old) == whole, "from version \(version)")
            try Fixture.outside(old) { database throws in
                #expect(try Int.fetchOne(database, sql: "PRAGMA user_version") == migrations.count)
                #expect(try Int.fetchOne(database, sql: "SELECT schema FROM v1_store") == migrations.count)
            }
        }
    }

    @Test("a migration that fails leaves the version before it, whole")
    func failing() throws {
        try open(Store.migrations).close()
        let before = try schema(path)
        let broken = "CREATE TABLE extra (id INTEGER); INSERT INTO nowhere VALUES (1)"
        #expect(code { _ = try open(Store.migrations + [broken]) } == .internal)
        #expect(try schema(path) == before)
        try open(Store.migrations).close()
    }

    @Test("a newer schema is refused, by writer and reader, and left as it is")
    func newer() throws {
        try open(Store.migrations + ["CREATE TABLE extra (id INTEGER)"]).close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(code { _ = try Store.open(path: path) } == .storeNewer)
        #expect(code { _ = try StoreReader.open(path: path) } == .storeNewer)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test("an older schema is not read before it is migrated")
    func older() throws {
        try open([]).close()
        #expect(code { _ = try StoreReader.open(path: path) } == .unavailable)
    }

    @Test("a store that does not exist is not made by asking it something")
    func missing() {
        #expect(code { _ = try StoreReader.open(path: path) } == .notFound)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a directory that is missing is an error with a remedy")
    func noDirectory() {
        #expect(code { _ = try Store.open(path: path + "/below/sono.sqlite") } == .ioError)
    }

    @Test("a damaged file is refused and not one byte of it is changed", arguments: Damage.allCases)
    func damaged(_ damage: Damage) throws {
        let store = try open(Store.migrations)
        for seed in 0..<200 {
            _ = try store.admit(
                Admission(
                    token: "t\(seed)", pipeline: "photos", name: Array("a".utf8), sha256: Fixture.digest(seed), rows: 2,
                    fileBytes: 3))
        }
        try store.close()
        try damage.inflict(on: path)
        let file = URL(fileURLWithPath: path)
        let wal = URL(fileURLWithPath: path + "-wal")
        let (before, walBefore) = (try Data(contentsOf: file), try Data(contentsOf: wal))
        #expect(code { _ = try Store.open(path: path) } == .storeDamaged)
        #expect(try Data(contentsOf: file) == before)
        #expect(try Data(contentsOf: wal) == walBefore)
    }

    enum Damage: CaseIterable {
        case garbage
        case cutInHalf
        case zeroedJobs
        case anotherProgram
        case emptiedBesideWAL
        case lostRow

        func inflict(on path: String) throws {
            let url = URL(fileURLWithPath: path)
            var bytes = try Data(contentsOf: url)
            switch self {
            case .garbage:
                bytes = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
            case .cutInHalf:
                bytes.removeLast(bytes.count / 2)
            case .zeroedJobs:
                let page = try Fixture.outside(path) {
                    try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'jobs'") ?? 1
                }
                bytes.replaceSubrange((page - 1) * 4_096..<page * 4_096, with: Data(count: 4_096))
            case .anotherProgram:
                bytes.replaceSubrange(68..<72, with: Data([0, 0, 0, 9]))
            case .emptiedBesideWAL:
                bytes = Data()
                try Data(repeating: 1, count: 64).write(to: URL(fileURLWithPath: path + "-wal"))
            case .lostRow:
                _ = try Fixture.outside(path) { try $0.execute(sql: "DELETE FROM store") }
                bytes = try Data(contentsOf: url)
            }
            let handle = try FileHandle(forWritingTo: url)
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: bytes)
            try handle.close()
            if !FileManager.default.fileExists(atPath: path + "-wal") {
                try Data().write(to: URL(fileURLWithPath: path + "-wal"))
            }
        }
    }

    @Test("a file of no bytes, left by a crash in the first moment, becomes a store")
    func empty() throws {
        try Data().write(to: URL(fileURLWithPath: path))
        try Store.open(path: path).close()
        #expect(try StoreReader.open(path: path).info().schema == Store.migrations.count)
    }

    @Test("a store too large to be looked at in opening is looked at later, and damage found then ends it")
    func later() throws {
        let whole = try open(Store.migrations)
        #expect(!whole.isCheckDue)
        for seed in 0..<2_000 {
            let token = "t\(seed)"
            _ = try whole.admit(
                Admission(
                    token: token, pipeline: "photos", name: Array("a".utf8), sha256: Fixture.digest(seed), rows: 2,
                    fileBytes: 3))
        }
        try whole.close()
        try Damage.zeroedJobs.inflict(on: path)
        let store = try Store.open(path: path, migrations: Store.migrations, patience: .zero) { Date() }
        #expect(store.isCheckDue)
        try store.checkSoundness { false }
        try store.forgetClaim("none")
        #expect(code { try store.checkSoundness { true } } == .storeDamaged)
        #expect(code { try store.forgetClaim("none") } == .storeDamaged)
    }
}
