import Foundation
import GRDB
import TestSupport
import Testing

/// Everything a producer can do wrong ends in a closed code with a remedy, and the bytes are still there.
@Suite("bad input")
struct BadInputTests {
    struct Bad: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let name: String
        let code: String
        let make: @Sendable (String) throws -> Void
    }

    static func bytes(_ what: String, _ name: String, _ code: String, _ data: @escaping @Sendable () -> Data) -> Bad {
        Bad(testDescription: what, name: name, code: code) { try data().write(to: URL(fileURLWithPath: $0)) }
    }

    static let cases: [Bad] = [
        bytes("a truncated zstd frame", "cut.safetensors.zst", "incomplete") {
            Batches.batch(rows: 100, seed: 1).zstdFrame.dropLast(50)
        },
        bytes("a truncated bare file", "cut.safetensors", "incomplete") {
            Batches.batch(rows: 100, seed: 1).dropLast(50)
        },
        bytes("a zstd frame with a damaged block header", "bad.safetensors.zst", "corrupt_zstd") {
            var data = Batches.batch(rows: 100, seed: 1).zstdFrame
            data[13] |= 0b110  // the reserved block type
            return data
        },
        bytes("a header that is no JSON", "bad.safetensors", "corrupt_safetensors") {
            var data = Batches.batch(rows: 10, seed: 1)
            data[9] = UInt8(ascii: "!")
            return data
        },
        bytes("another dimension", "wide.safetensors", "dimension_mismatch") {
            Batches.safetensors(Batches.embeddings(rows: 10, dimension: 32, seed: 1), dimension: 32)
        },
        bytes("another encoder", "other.safetensors", "encoder_mismatch") {
            Batches.safetensors(Batches.embeddings(rows: 10, seed: 1), encoder: "someone else's")
        },
        bytes("no rows", "none.safetensors", "no_rows") { Batches.safetensors([]) },
        bytes("only non-finite rows", "nan.safetensors", "non_finite_rows") {
            Batches.safetensors([Float](repeating: .nan, count: 10 * Batches.dimension))
        },
        bytes("more rows than allowed", "long.safetensors", "too_large") { Batches.batch(rows: 30_001, seed: 1) },
        bytes("a zip file", "set.npz", "unsupported_format") { Data([0x50, 0x4B, 3, 4]) + Data(count: 100) },
        bytes("text", "notes.txt", "unsupported_format") { Data("these are not embeddings, just words\n".utf8) },
        Bad(testDescription: "a directory", name: "folder", code: "unsupported_format") {
            try FileManager.default.createDirectory(atPath: $0, withIntermediateDirectories: false)
        },
        Bad(testDescription: "a FIFO", name: "pipe", code: "unsupported_format") {
            try #require(mkfifo($0, 0o600) == 0)
        },
        Bad(testDescription: "a symlink", name: "link.safetensors", code: "unsupported_format") {
            try #require(symlink("/etc/passwd", $0) == 0)
        },
    ]

    @Test("is put aside with its code, a reason beside it, and the next good batch flows", arguments: cases)
    func quarantined(bad: Bad) throws {
        let service = try Service(pipeline: "\(Service.pipeline)\nlimits: { rows: 30000 }\n")
        try bad.make(service.root("spool-\(bad.name)"))
        try service.start()
        try #require(rename(service.root("spool-\(bad.name)"), service.root("spool/p/incoming/\(bad.name)")) == 0)
        try service.drop(Batches.batch(rows: 7, seed: 77), as: "good.safetensors")
        try service.waitUntilSettled()

        let job = try #require(service.rows("SELECT * FROM v1_jobs WHERE state = 'failed'").first, "\(service.log)")
        #expect(job["error_code"] as String == bad.code, "\(job["error_message"] as String? ?? "")")
        #expect((job["error_message"] as String).count > 20)
        #expect(job["file_name"] as String == bad.name)
        let failed = try service.files(in: "failed")
        let id = job["job_id"] as Int
        #expect(failed.count == 2 && failed.contains("\(id)--\(bad.name)"), "\(failed)")
        let reasonFile = try #require(failed.first { $0.hasSuffix("reason.json") })
        let reasonData = try Data(contentsOf: URL(fileURLWithPath: service.root("spool/p/failed/\(reasonFile)")))
        let reason = try #require(JSONSerialization.jsonObject(with: reasonData) as? [String: Any])
        #expect(reason["code"] as? String == bad.code)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 7)
        #expect(service.isRunning)
        #expect(service.stop() == 0)
    }

    @Test("names that begin with a dot or say they are temporary are not looked at")
    func ignoredNames() throws {
        let service = try Service()
        try service.start()
        let ignored = [".hidden.safetensors", "a.safetensors.tmp", "a.part", "a.partial", "a.filepart"]
        for name in ignored {
            try Batches.batch(rows: 5, seed: 1).write(
                to: URL(fileURLWithPath: service.root("spool/p/incoming/\(name)")))
        }
        try service.drop(Batches.batch(rows: 5, seed: 2), as: "seen.safetensors")
        try eventually("the seen one is done") { try service.number("SELECT count(*) FROM v1_results") == 5 }
        #expect(try service.files(in: "incoming") == ignored.sorted())
        #expect(try service.number("SELECT count(*) FROM v1_jobs") == 1)
        #expect(service.stop() == 0)
    }

    @Test("the same bytes twice are a duplicate, the same name with other bytes is another job")
    func identity() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 5, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        try service.drop(Batches.batch(rows: 5, seed: 1), as: "b.safetensors")
        try service.waitUntilSettled()
        try service.drop(Batches.batch(rows: 6, seed: 2), as: "a.safetensors")
        try service.waitUntilSettled()
        let states = try service.rows("SELECT state, duplicate_of FROM v1_jobs ORDER BY job_id")
        #expect(states.map { $0["state"] as String } == ["done", "duplicate", "done"])
        #expect(states[1]["duplicate_of"] as Int? == 1)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 11)
        #expect(try service.files(in: "done").count == 3)
        #expect(service.stop() == 0)
    }

    @Test("a slow writer that is not done yet is waited for, and its batch is done when it is whole")
    func slowWriter() throws {
        let service = try Service(pipeline: "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 20s\n")
        try service.start()
        let data = Batches.batch(rows: 2_000, seed: 1).zstdFrame
        let path = service.root("spool/p/incoming/slow.safetensors.zst")
        // Open all the while: it may be claimed at any moment.
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o644)
        try #require(descriptor >= 0)
        let writer = FileHandle(fileDescriptor: descriptor)
        try writer.write(contentsOf: data.prefix(50_000))
        usleep(1_500_000)
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed'") == 0)
        try writer.write(contentsOf: data.dropFirst(50_000))
        try writer.close()
        try eventually("the whole batch is done") { try service.number("SELECT count(*) FROM v1_results") == 2_000 }
        #expect(service.stop() == 0)
    }

    @Test(
        "a file of mode 0000 is unreadable for a service that is not root, with the chmod that helps",
        .enabled(if: getuid() == 0, "needs root, to run the service as another user"))
    func unreadable() throws {
        let service = try Service()
        for path in [service.root.url.path] {
            #expect(try chown(path: path, to: "nobody") == 0)
        }
        try service.start(as: "nobody")
        let path = service.root("locked.safetensors")
        try Batches.batch(rows: 5, seed: 1).write(to: URL(fileURLWithPath: path))
        #expect(chmod(path, 0) == 0)
        try #require(rename(path, service.root("spool/p/incoming/locked.safetensors")) == 0)
        try service.waitUntilSettled()
        let job = try #require(service.rows("SELECT error_code, error_message FROM v1_jobs").first)
        #expect(job["error_code"] as String == "unreadable")
        #expect((job["error_message"] as String).contains("chmod"))
        #expect(try service.files(in: "failed").contains { $0.hasSuffix("locked.safetensors") })
        #expect(service.stop() == 0)
    }

    private func chown(path: String, to user: String) throws -> Int32 {
        let process = try Process.run(URL(fileURLWithPath: "/bin/chown"), arguments: ["-R", user, path])
        process.waitUntilExit()
        return process.terminationStatus
    }
}

@Suite("bad configuration")
struct BadConfigurationTests {
    @Test("an unknown key is named with file, line and key, and a service without any valid pipeline exits 78")
    func unknownKey() throws {
        let service = try Service(pipeline: "model: reference.safetensors\nclasify:\n  top_k: 3\n")
        let check = try Sono.run(["serve", "--check", "--root", service.root.url.path])
        #expect(check.status == 78)
        for word in ["p.yaml", "2", "clasify"] { #expect((check.output + check.errors).contains(word)) }
        #expect(try Sono.run(["serve", "--root", service.root.url.path]).status == 78)
    }

    @Test("a missing or broken model makes that pipeline misconfigured, its incoming untouched, while others run")
    func misconfigured() throws {
        let service = try Service()
        let files = FileManager.default
        try Data("model: nowhere.safetensors\n".utf8).write(
            to: service.root.url.appending(path: "pipeline.d/lost.yaml"))
        try Data("model: broken.safetensors\n".utf8).write(
            to: service.root.url.appending(path: "pipeline.d/broken.yaml"))
        try Data("no model".utf8).write(to: service.root.url.appending(path: "models/broken.safetensors"))
        for name in ["lost", "broken"] {
            try files.createDirectory(
                atPath: service.root("spool/\(name)/incoming"), withIntermediateDirectories: true)
            try Batches.batch(rows: 5, seed: 1).write(
                to: service.root.url.appending(path: "spool/\(name)/incoming/kept.safetensors"))
        }
        try service.start()
        try service.drop(Batches.batch(rows: 5, seed: 2), as: "a.safetensors")
        try service.waitUntilSettled()
        for name in ["lost", "broken"] {
            let kept = try files.contentsOfDirectory(atPath: service.root("spool/\(name)/incoming"))
            #expect(kept == ["kept.safetensors"])
        }
        let status = try Sono.run(["status", "--json", "--root", service.root.url.path])
        #expect(status.output.contains("misconfigured"))
        #expect(status.output.contains("model_missing") && status.output.contains("model_invalid"))
        #expect(service.stop() == 0)
    }
}
