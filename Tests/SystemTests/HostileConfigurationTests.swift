import Foundation
import TestSupport
import Testing

/// Files of pipeline.d made to crash, stall or bloat whatever reads them.
@Suite("hostile configuration")
struct HostileConfigurationTests {
    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let yaml: @Sendable () -> String

        init(_ description: String, _ yaml: @escaping @Sendable () -> String) {
            testDescription = description
            self.yaml = yaml
        }
    }

    private static let good = "model: reference.safetensors\n"

    /// `a29` stands for 2^29 scalars.
    private static let laughs = (1...29).reduce("a0: &a0 x\n") { $0 + "a\($1): &a\($1) [*a\($1 - 1), *a\($1 - 1)]\n" }

    static let cases: [Hostile] = [
        Hostile("a billion laughs") { good + laughs },
        Hostile("a billion laughs for a key") { good + laughs + "? *a29\n: x\n" },
        Hostile("a billion laughs for a merge") { good + laughs + "<<: *a29\n" },
        Hostile("10,000 aliases of one anchor") {
            "model: &m a\nx: [\(String(repeating: "*m,", count: 10_000))]\n"
        },
        Hostile("brackets 30,000 deep") { "model: " + String(repeating: "[", count: 30_000) },
        Hostile("brackets 900 deep, and closed") {
            "model: \(String(repeating: "[", count: 900))\(String(repeating: "]", count: 900))\n"
        },
        Hostile("braces 900 deep for a key") {
            "? \(String(repeating: "{a: ", count: 900))\(String(repeating: "}", count: 900))\n: b\n"
        },
        Hostile("lists 30,000 deep on one line") { String(repeating: "- ", count: 30_000) },
        Hostile("keys 30,000 deep on one line") { String(repeating: "? ", count: 30_000) },
        Hostile("30,000 values within 900 brackets") {
            "model: \(String(repeating: "[", count: 900))\(String(repeating: "a,", count: 30_000))"
                + "\(String(repeating: "]", count: 900))\n"
        },
        Hostile("3,000 tag directives") {
            (0..<3_000).map { "%TAG !\($0)! tag:x\n" }.joined() + "---\n" + good + "tags: 3000\n"
        },
        Hostile("6,000 unknown keys") { good + (0..<6_000).map { "k\($0): 1\n" }.joined() },
        Hostile("a key of 60,000 digits") { good + String(repeating: "1", count: 60_000) + ": 1\n" },
        Hostile("a value of 60,000 digits") {
            good + "limits: { rows: \(String(repeating: "9", count: 60_000)) }\n"
        },
        Hostile("one key 2,000 times") { String(repeating: good, count: 2_000) },
        Hostile("a size that no number holds") { good + "limits: { batch_bytes: 9223372036854775807 }\n" },
        Hostile("a time beyond the end of time") { good + "limits: { deadline: 106751991167d }\n" },
        Hostile("a NUL") { good + "\"a\\0b\": 1\n\0" },
        Hostile("a file of 10 MB") { good + String(repeating: "# nothing\n", count: 1_000_000) },
    ]

    @Test("`serve --check` refuses it on one line that names the file, in little memory and time", arguments: cases)
    func check(hostile: Hostile) throws {
        let service = try Service(pipeline: hostile.yaml())
        try expectRefusal(service)
    }

    @Test("what is no file is refused and not waited for", arguments: ["a FIFO", "a link to a device", "a folder"])
    func noFile(kind: String) throws {
        let service = try Service()
        let path = service.root("pipeline.d/p.yaml")
        try FileManager.default.removeItem(atPath: path)
        switch kind {
        case "a FIFO": try #require(mkfifo(path, 0o600) == 0)
        case "a folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        default: try #require(symlink("/dev/zero", path) == 0)
        }
        try expectRefusal(service)
    }

    @Test("a running service stays as it was when its files turn hostile, and says so")
    func reload() throws {
        let service = try Service()
        try service.start(under: ["/usr/bin/prlimit", "--as=\(4 << 30)"])
        try Data((Self.good + Self.laughs + "? *a29\n: x\n").utf8).write(
            to: URL(fileURLWithPath: service.root("pipeline.d/p.yaml")))
        try #require(mkfifo(service.root("pipeline.d/q.yaml"), 0o600) == 0)
        service.signal(SIGHUP)
        try eventually("the status names both") {
            let status = try Sono.run(["status", "--json", "--root", service.root.url.path])
            return status.output.contains("p.yaml") && status.output.contains("q.yaml")
        }
        try service.drop(Batches.batch(rows: 7, seed: 1), as: "good.safetensors")
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_results") == 7)
        #expect(service.stop() == 0)
    }

    private func expectRefusal(_ service: Service) throws {
        let outcome = try Sono.run(
            [
                "--as=\(512 << 20)", "--cpu=10", Sono.executable.path, "serve", "--check", "--root",
                service.root.url.path,
            ],
            executable: URL(fileURLWithPath: "/usr/bin/prlimit"))
        #expect(outcome.status == 78, "\(outcome)")
        let words = outcome.output + outcome.errors
        #expect(words.contains("p.yaml"))
        #expect(words.utf8.count < 4_096)
    }
}
