import CLinux
import Foundation
import Glibc
import TestSupport
import Testing

/// The service runs as `nobody`, the producer as `daemon`; both in root's group, which stands for sono-drop.
@Suite("who may drop", .enabled(if: getuid() == 0, "needs root, to run as other users"))
struct DropAccessTests {
    private func produce(_ command: String, _ service: Service) throws {
        let outcome = try Sono.run(
            ["--reuid", "daemon", "--clear-groups", "sh", "-c", "umask 077; \(command)"],
            executable: URL(fileURLWithPath: "/usr/bin/setpriv"))
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    private func started() throws -> Service {
        let service = try Service()
        let change = try Process.run(
            URL(fileURLWithPath: "/bin/chown"), arguments: ["-R", "nobody", service.root.path])
        change.waitUntilExit()
        try service.start(as: "nobody")
        return service
    }

    @Test("what a producer with umask 077 copies into incoming/ can be read by the service, and by no other producer")
    func copied() throws {
        let service = try started()
        let file = service.root("a.safetensors")
        try Batches.batch(rows: 5, seed: 1).write(to: URL(fileURLWithPath: file))
        try produce("cp '\(file)' '\(service.root("spool/p/incoming/a.safetensors"))'", service)
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1)
        let access = try Sono.run(
            ["-c", "getfacl -nc '\(service.root("spool/p/done/1--a.safetensors"))' 2>/dev/null || true"],
            executable: URL(fileURLWithPath: "/bin/sh"))
        #expect(access.output.isEmpty || access.output.contains("group::---"))
        #expect(service.stop() == 0)
    }

    @Test("who is not in the droppers' group is told to join it", arguments: [[], ["--pipeline", "p"]])
    func stranger(pipeline: [String]) throws {
        let service = try started()
        try #require(system("chgrp users '\(service.root("spool/p"))'") == 0)
        let file = service.root("a.safetensors")
        try Batches.batch(rows: 5, seed: 1).write(to: URL(fileURLWithPath: file))
        let outcome = try Sono.run(
            ["--reuid", "daemon", "--regid", "daemon", "--clear-groups", Sono.executable.path, "submit", file]
                + pipeline + ["--root", service.root.path],
            executable: URL(fileURLWithPath: "/usr/bin/setpriv"))
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("spool/p may not be entered by you: join the group users"))
        #expect(service.stop() == 0)
    }

    @Test("what `sono submit` brings under umask 077 can be read by the service where there are no ACLs")
    func submitted() throws {
        let service = try started()
        for folder in ["incoming", ".tmp"] {
            try #require(removexattr(service.root("spool/p/\(folder)"), "system.posix_acl_default") == 0)
        }
        let file = service.root("a.safetensors")
        try Batches.batch(rows: 5, seed: 1).write(to: URL(fileURLWithPath: file))
        try produce(
            "exec '\(Sono.executable.path)' submit '\(file)' --pipeline p --root '\(service.root.path)'", service)
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1)
        #expect(service.stop() == 0)
    }
}
