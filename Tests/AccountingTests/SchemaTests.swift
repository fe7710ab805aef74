import Accounting
import Failures
import Foundation
import GRDB
import Testing

@Suite("Schema")
struct SchemaTests {
    @Test(
        "the views have exactly the contract's columns",
        arguments: [
            (
                "v1_jobs",
                """
                job_id pipeline file_name sha256 state attempts rows rows_ok rows_failed model_id solver steps form \
                kernel duplicate_of supersedes features_path submitted_at started_at finished_at error_code \
                error_message queue_seconds decode_seconds refine_seconds classify_seconds commit_seconds \
                input_removed_at results_removed_at requeue_of
                """
            ),
            ("v1_results", "seq job_id pipeline row item_id label class score margin status top_k refined"),
            ("v1_latest", "seq job_id pipeline row item_id label class score margin status top_k refined"),
            ("v1_changes", "seq at job_id from_state to_state code"),
            ("v1_store", "store_id schema created_at results_removed_through changes_removed_through"),
        ])
    func columns(view: String, names: String) throws {
        let fixture = try Fixture()
        let found = try fixture.outside { database throws in
            try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [view])
        }
        #expect(found.joined(separator: " ") == names)
    }

    @Test("the records have the views' columns for keys")
    func keys() throws {
        let fixture = try Fixture()
        func columns(_ view: String) throws -> [String] {
            try fixture.outside {
                try String.fetchAll($0, sql: "SELECT name FROM pragma_table_info(?)", arguments: [view])
            }
        }
        #expect(try JobRecord.CodingKeys.allCases.map(\.rawValue) == columns("v1_jobs"))
        #expect(try ResultRecord.CodingKeys.allCases.map(\.rawValue) == columns("v1_results"))
        #expect(try ChangeRecord.CodingKeys.allCases.map(\.rawValue) == columns("v1_changes"))
    }

    @Test("a new store has its marks: application id, version, a UUID")
    func marks() throws {
        let fixture = try Fixture()
        try fixture.outside { database throws in
            #expect(try Int.fetchOne(database, sql: "PRAGMA application_id") == 0x736F_6E6F)
            #expect(try Int.fetchOne(database, sql: "PRAGMA user_version") == Store.migrations.count)
            let row = try #require(try Row.fetchOne(database, sql: "SELECT * FROM v1_store"))
            #expect(UUID(uuidString: row["store_id"]) != nil)
            #expect(row["schema"] == Store.migrations.count)
            #expect((row["created_at"] as String).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        }
    }

    @Test("two stores have different ids, and one keeps its own")
    func storeID() throws {
        let (one, other) = (try Fixture(), try Fixture())
        func id(_ path: String) throws -> String { try StoreReader.open(path: path).info().storeID }
        let first = try id(one.path)
        #expect(try id(other.path) != first)
        try one.store.close()
        let again = try Store.open(path: one.path)
        #expect(try id(one.path) == first)
        try again.close()
    }

    @Test("the writer commits durably and keeps its WAL", arguments: [false, true])
    func pragmas(reopened: Bool) throws {
        let fixture = try Fixture()
        var store = fixture.store
        if reopened {
            try store.close()
            store = try Store.open(path: fixture.path)
        }
        #expect(try store.pragma("synchronous") == "2")
        #expect(try store.pragma("journal_mode") == "wal")
        #expect(try store.pragma("foreign_keys") == "1")
        #expect(try store.pragma("trusted_schema") == "0")
        #expect(try store.pragma("journal_size_limit") == "67108864")
        try store.close()
        #expect(FileManager.default.fileExists(atPath: fixture.path + "-wal"))
        #expect(FileManager.default.fileExists(atPath: fixture.path + "-shm"))
    }

    @Test("the group may read the database, its WAL and its shared memory, whatever the umask")
    func modes() throws {
        let fixture = try Fixture()
        _ = try fixture.admit(1)
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: fixture.path + suffix)
            #expect((attributes[.posixPermissions] as? Int) == 0o640, "\(suffix)")
        }
    }

    @Test(
        "the tables refuse what the states do not allow",
        arguments: [
            "UPDATE jobs SET state = 'sleeping'",
            "UPDATE jobs SET state = 'done'",
            "UPDATE jobs SET state = 'failed', finished_at = 'now'",
            "UPDATE jobs SET state = 'retrying'",
            "UPDATE jobs SET state = 'duplicate', finished_at = 'now'",
            "UPDATE jobs SET filed_as = x'61'",
            "UPDATE jobs SET finished_at = 'now'",
            "UPDATE jobs SET sha256 = 'short'",
            "INSERT INTO results (job_id, row, item_id, status, refined) VALUES (1, 0, 'a', 0, 0)",
            "INSERT INTO results (job_id, row, item_id, status, refined) VALUES (1, 0, 'a', 4, 0)",
            "INSERT INTO results (job_id, row, item_id, status, score, refined) VALUES (1, 0, 'a', 1, 0.5, 0)",
            "INSERT INTO results (job_id, row, item_id, status, refined) VALUES (99, 0, 'a', 1, 0)",
            "INSERT INTO changes (at, job_id, to_state) VALUES ('now', 99, 'queued')",
        ])
    func checks(sql: String) throws {
        let fixture = try Fixture()
        _ = try fixture.admit(1)
        #expect(throws: DatabaseError.self) {
            try fixture.outside { try $0.execute(sql: sql) }
        }
    }

    @Test("a row of a job cannot be stored twice, and sequence numbers are never used again")
    func uniqueness() throws {
        let fixture = try Fixture()
        let job = try fixture.job(in: .done, seed: 1)
        try fixture.outside { database throws in
            #expect(throws: DatabaseError.self) {
                try database.execute(
                    sql: "INSERT INTO results (job_id, row, item_id, status, refined) VALUES (?, 1, 'b', 1, 0)",
                    arguments: [job])
            }
            let last = try #require(try Int.fetchOne(database, sql: "SELECT max(seq) FROM results"))
            try database.execute(sql: "DELETE FROM results")
            try database.execute(
                sql: "INSERT INTO results (job_id, row, item_id, status, refined) VALUES (?, 1, 'b', 1, 0)",
                arguments: [job])
            #expect(try Int.fetchOne(database, sql: "SELECT seq FROM results") ?? 0 > last)
        }
    }

    @Test("the cursor, a job's rows and a job's changes are read through an index, unsorted")
    func plans() throws {
        let fixture = try Fixture()
        try fixture.outside { database throws in
            for sql in [
                "SELECT * FROM v1_results WHERE seq > 5 ORDER BY seq LIMIT 10",
                "SELECT * FROM v1_results WHERE seq > 5 AND pipeline = 'photos' ORDER BY seq LIMIT 10",
                "SELECT * FROM v1_changes WHERE seq > 5 ORDER BY seq LIMIT 10",
                "SELECT * FROM v1_jobs WHERE state = 'failed' ORDER BY job_id LIMIT 10",
                "SELECT * FROM v1_jobs WHERE pipeline = 'photos' ORDER BY job_id DESC LIMIT 10",
                "SELECT * FROM v1_jobs WHERE pipeline = 'photos' AND state = 'failed' ORDER BY job_id LIMIT 10",
                "SELECT * FROM v1_jobs WHERE sha256 = '00'",
                "SELECT * FROM v1_results WHERE job_id = 4 ORDER BY row",
            ] {
                let plan = try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String }
                #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(sql): \(plan)")
                #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(sql): \(plan)")
            }
        }
    }
}
