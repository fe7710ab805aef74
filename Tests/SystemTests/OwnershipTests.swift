import CLinux
import Foundation
import Glibc
import TestSupport
import Testing

/// A service that runs as `nobody`, and what root does to it by mistake; `daemon` stands for a stranger.
@Suite("root beside a service of another user", .enabled(if: getuid() == 0, "needs root, to run as other users"))
struct OwnershipTests {
    private let service: Service
    private let nobody: uid_t

    init() throws {
        service = try Service()
        nobody = try #require(getpwnam("nobody")).pointee.pw_uid
        try #require(system("chown -R nobody '\(service.root.path)'") == 0)
    }

    private func sono(_ arguments: String...) throws -> Sono.Outcome {
        try Sono.run(arguments + ["--root", service.root.path])
    }

    private func sono(as user: String, _ arguments: String...) throws -> Sono.Outcome {
        try Sono.run(
            ["--reuid", user, "--regid", "daemon", "--clear-groups", Sono.executable.path] + arguments
                + ["--root", service.root.path],
            executable: URL(fileURLWithPath: "/usr/bin/setpriv"))
    }

    private func owner(_ path: String) -> uid_t? {
        var status = stat()
        return lstat(service.root(path), &status) == 0 ? status.st_uid : nil
    }

    /// One done job, then the service is down.
    private func servedOnce() throws {
        try service.start(as: "nobody")
        try service.drop(Batches.batch(rows: 5, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
    }

    @Test("root may not run it: nothing is made, and the command that does it right is named")
    func refused() throws {
        try servedOnce()
        try FileManager.default.removeItem(atPath: service.root("spool/.lock"))
        let outcome = try sono("serve")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("invalid_argument"), "\(outcome.errors)")
        #expect(outcome.errors.contains("runuser -u nobody -- sono serve --root \(service.root.path)"))
        #expect(owner("spool/.lock") == nil)
        try service.start(as: "nobody")
        #expect(service.stop() == 0)
    }

    @Test("what root's commands make while it is down belongs to its user, and it starts again")
    func commands() throws {
        try service.start(as: "nobody")
        try service.drop(Batches.batch(rows: 5, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        service.stop(SIGKILL)
        for lock in ["spool/.lock", "state/sono.lock"] {
            try FileManager.default.removeItem(atPath: service.root(lock))
        }
        #expect(try sono("gc").status == 0)
        #expect(try sono("requeue", "1").status == 0)
        #expect(try sono("backup", service.root("copy.sqlite")).status == 0)
        #expect(owner("copy.sqlite") == 0)
        let found = try Sono.run(
            [
                "-c",
                "find '\(service.root("state"))' '\(service.root("spool"))' -user 0 ! -path '*/work/*' ! -path '*/done/*'",
            ],
            executable: URL(fileURLWithPath: "/bin/sh"))
        #expect(found.output.isEmpty, "\(found.output)")
        #expect(owner("spool/.lock") == nobody && owner("state/sono.lock") == nobody)
        try service.start(as: "nobody")
        try eventually("it is computed again") {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 2
        }
        #expect(service.stop() == 0)
    }

    @Test("a store that root recovers belongs to its user, and it starts again")
    func recovery() throws {
        try servedOnce()
        let store = try #require(FileHandle(forUpdatingAtPath: service.root("state/sono.sqlite")))
        try store.seek(toOffset: store.seekToEnd() / 8_192 * 4_096)
        try store.write(contentsOf: Data(repeating: 0xA5, count: 4_096))
        try store.close()
        for lock in ["spool/.lock", "state/sono.lock"] {
            try FileManager.default.removeItem(atPath: service.root(lock))
        }
        let outcome = try sono("doctor", "--recover")
        #expect(outcome.status == 0, "\(outcome.errors)")
        for path in ["state/sono.sqlite", "state/sono.lock", "spool/.lock"] {
            #expect(owner(path) == nobody, "\(path)")
        }
        let doctor = try sono("doctor")
        #expect(!doctor.output.contains("owners"), "\(doctor.output)")
        try service.start(as: "nobody")
        #expect(service.stop() == 0)
    }

    @Test("a lock that is root's stops the start, which says whose it is and must be; doctor finds all and mends it")
    func foreign() throws {
        try servedOnce()
        for path in ["state/sono.sqlite", "state/sono.lock", "spool/p/work", "state/models"] {
            try #require(chown(service.root(path), 0, 0) == 0)
        }
        let start = try sono(as: "nobody", "serve")
        #expect(start.status == 74)
        #expect(
            start.errors.contains("state/sono.lock belongs to root and must belong to nobody"), "\(start.errors)")
        let doctor = try sono("doctor", "--json")
        #expect(doctor.status == 1)
        let findings = try #require(doctor.json()["findings"] as? [[String: Any]])
        let finding = try #require(findings.first { $0["check"] as? String == "owners" }, "\(doctor.output)")
        #expect((finding["message"] as? String)?.hasPrefix("4 of the service's files") == true, "\(finding)")
        #expect(!doctor.output.contains("as root"), "root asked: \(doctor.output)")
        // What is printed is copied: it must work.
        let remedy = try #require(finding["remedy"] as? String)
        try #require(system(remedy) == 0, "\(remedy)")
        let mended = try sono("doctor")
        #expect(mended.status == 0, "\(mended.output)")
        try service.start(as: "nobody")
        #expect(service.stop() == 0)
    }

    @Test("directories that root made have the service's ACL from its next start, and one of the administrator's stays")
    func accessList() throws {
        try servedOnce()
        func list(_ path: String) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = getxattr(service.root(path), "system.posix_acl_default", &bytes, bytes.count)
            try #require(count > 0)
            return Array(bytes.prefix(count))
        }
        let own = try list("spool/p/incoming")
        // The named user's number is in the second entry.
        let (roots, others) = (own.with(0, at: 16), own.with(1, at: 16))
        for (path, bytes) in [("spool/p/incoming", roots), ("spool/p/.tmp", others)] {
            try #require(setxattr(service.root(path), "system.posix_acl_default", bytes, bytes.count, 0) == 0)
        }
        try service.start(as: "nobody")
        #expect(service.stop() == 0)
        #expect(try list("spool/p/incoming") == own)
        #expect(try list("spool/p/.tmp") == others)
    }

    @Test(
        "as root, --check and doctor see a file that the service may not read",
        arguments: [
            ("models/reference.safetensors", "may not be read"), ("models", "may not be reached"),
            ("pipeline.d/p.yaml", "p.yaml may not be read by nobody"), ("pipeline.d", "may not be read by nobody"),
        ])
    func unreadable(path: String, words: String) throws {
        try servedOnce()
        try #require(chown(service.root(path), 0, 0) == 0 && chmod(service.root(path), 0o600) == 0)
        let check = try sono("serve", "--check")
        #expect(check.status == 78)
        #expect(check.errors.contains(words) && check.errors.contains("chmod a+"), "\(check.errors)")
        let doctor = try sono("doctor")
        #expect(doctor.status == 1)
        #expect(doctor.output.contains(words), "\(doctor.output)")
        // A reload would reach nobody.
        #expect(doctor.output.contains("then sono serve --root") && !doctor.output.contains("reload"))
        if path.hasPrefix("pipeline.d") {
            let remedy = try #require(check.errors.split(separator: "`").first { $0.hasPrefix("chmod") })
            try #require(system(String(remedy)) == 0)
            #expect(try sono("serve", "--check").status == 0)
        }
    }

    @Test("as root, verify sees no more than the service, which may have lost the right to an input")
    func verify() throws {
        try servedOnce()
        #expect(try sono("verify", "1").status == 0)
        let input = service.root("spool/p/done/1--a.safetensors")
        try #require(chown(input, 0, 0) == 0 && chmod(input, 0o600) == 0)
        let outcome = try sono("verify", "1")
        #expect(outcome.status == 66 && outcome.errors.contains("unreadable"), "\(outcome.errors)")
    }

    @Test("a stranger is told that he may not see, not that there is no service and no store")
    func stranger() throws {
        try service.start(as: "nobody")
        for path in ["state", "run", "spool"] { try #require(chmod(service.root(path), 0o700) == 0) }
        for command in [["doctor"], ["verify", "1"], ["backup", "/tmp/never-\(getpid())"]] {
            let outcome = try Sono.run(
                ["--reuid", "daemon", "--regid", "daemon", "--clear-groups", Sono.executable.path] + command
                    + ["--root", service.root.path],
                executable: URL(fileURLWithPath: "/usr/bin/setpriv"))
            let said = outcome.output + outcome.errors
            #expect(outcome.status == (command == ["doctor"] ? 1 : 69), "\(command): \(said)")
            #expect(said.contains("may not"), "\(command): \(said)")
            for wrong in ["does not run", "there is no", "There is no", "not_found"] {
                #expect(!said.contains(wrong), "\(command): \(said)")
            }
        }
        #expect(service.stop() == 0)
    }

    @Test("who may drop and not read is told that --wait handed nothing over, and that it works without")
    func waitWithoutRight() throws {
        try service.start(as: "nobody")
        let daemon = try #require(getgrnam("daemon")).pointee.gr_gid
        for folder in ["p", "p/incoming", "p/.tmp"] {
            try #require(chown(service.root("spool/\(folder)"), .max, daemon) == 0)
        }
        for path in ["state", "run"] { try #require(chmod(service.root(path), 0o700) == 0) }
        // chown takes the set-group-ID bit.
        for folder in ["incoming", ".tmp"] { try #require(chmod(service.root("spool/p/\(folder)"), 0o3730) == 0) }
        let file = service.root("a.safetensors")
        try Batches.batch(rows: 5, seed: 1).write(to: URL(fileURLWithPath: file))
        let waiting = try sono(as: "daemon", "submit", "--wait", file)
        #expect(waiting.status == 69)
        #expect(waiting.errors.contains("nothing was handed over"), "\(waiting.errors)")
        #expect(waiting.errors.contains("without --wait it is"), "\(waiting.errors)")
        #expect(try service.number("SELECT count(*) FROM v1_jobs") == 0)
        let outcome = try sono(as: "daemon", "submit", file)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1)
        #expect(service.stop() == 0)
    }
}

extension [UInt8] {
    /// With a number, little-endian, in four bytes.
    fileprivate func with(_ number: UInt32, at offset: Int) -> [UInt8] {
        var changed = self
        let bytes = Swift.withUnsafeBytes(of: number.littleEndian) { Array($0) }
        changed.replaceSubrange(offset..<offset + 4, with: bytes)
        return changed
    }
}
