import Accounting
import Daemon
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("doctor", .serialized)
struct DoctorTests {
    private func problems(_ root: Root) -> [String] {
        Doctor.examine(root.paths).findings.filter { $0.verdict == .problem }.map { finding in
            #expect(finding.remedy != nil, "\(finding)")
            return finding.check
        }
    }

    @Test("a sound root has no problem, with the service up and down, and SQLite's version is judged")
    func sound() throws {
        let root = try Root()
        let service = try root.start()
        try root.drop(50, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        #expect(problems(root) == [])
        service.stop()
        #expect(problems(root) == [])
        #expect(Doctor.examine(root.paths).findings.contains { $0.check == "sqlite" })
        #expect(SQLiteFaults.known(in: "3.40.1") != nil && SQLiteFaults.known(in: "3.51.3") == nil)
    }

    @Test(
        "each trouble is found, by its check, and has a remedy",
        arguments: [
            "damaged", "newer", "older", "readable", "mode", "lost input", "altered model", "bad yaml", "no model",
        ])
    func trouble(_ kind: String) throws {
        let root = try Root()
        let service = try root.start()
        try root.drop(2_000, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        service.stop()
        let files = FileManager.default
        func chmod(_ path: String, _ mode: Int) throws {
            try files.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        func write(_ sql: String) throws {
            let database = try DatabaseQueue(path: root.paths.store)
            try database.writeWithoutTransaction { try $0.execute(sql: sql) }
            try database.close()
        }
        let expected: String
        switch kind {
        case "damaged":
            expected = "store"
            let file = try #require(FileHandle(forWritingAtPath: root.paths.store))
            try file.truncate(atOffset: file.seekToEnd() / 8_192 * 4_096)
            try file.close()
        case "newer":
            expected = "store"
            try write("PRAGMA user_version = 99")
        case "older":
            expected = "store"
            try write("PRAGMA user_version = 1")
        case "readable":
            expected = "store"
            try chmod(root.paths.store, 0o644)
        case "mode":
            expected = "spool"
            try chmod(root.scratch("spool/p/done"), 0o755)
        case "lost input":
            expected = "spool"
            try write("UPDATE jobs SET filed_as = NULL")
        case "altered model":
            expected = "models"
            let name = try #require(root.scratch.names("state/models").first)
            try Data("altered".utf8).write(to: URL(fileURLWithPath: root.scratch("state/models/\(name)")))
        case "bad yaml":
            expected = "configuration"
            try root.configure("q", "modle: x\n")
        default:
            expected = "configuration"
            try files.removeItem(atPath: root.scratch("models/m.safetensors"))
        }
        #expect(problems(root).contains(expected))
    }
}
