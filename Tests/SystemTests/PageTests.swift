import Foundation
import Testing

/// What Tests/Page/check.py finds with a real browser at a real service.
@Suite(
    "the page in a browser",
    .enabled(
        if: ["/usr/bin/python3", "/usr/bin/chromium"].allSatisfy(FileManager.default.isExecutableFile),
        "needs python3 and chromium"))
struct PageTests {
    @Test(
        "shows what happens without reloading, runs nothing of others', asks nobody else, and works with the keyboard")
    func page() throws {
        let script = Batches.fixtures
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Page/check.py")
        let outcome = try Sono.run(
            [script.path, "--binary", Sono.executable.path], executable: URL(fileURLWithPath: "/usr/bin/python3"),
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.split(separator: "\n").count { $0.hasPrefix("ok: ") } == 14, "\(outcome.output)")
    }
}
