import Foundation
import Testing

/// The campaign in Tests/Systemd, which boots a real systemd in a container; `make systemd-test` runs it by hand.
@Suite(
    "under systemd",
    .enabled(
        if: SystemdContainer.isCalledFor || SystemdContainer.canBoot,
        "needs root, systemd-nspawn, dpkg-dev and python3"))
struct SystemdTests {
    @Test("the package keeps its promises: installed, used, killed, hung, short of disk, upgraded and purged")
    func campaign() throws {
        let script = Batches.fixtures.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Systemd/systemd_test.py").path
        let outcome = try Sono.run(
            [script, "--binary", Sono.executable.path], executable: URL(fileURLWithPath: "/usr/bin/python3"),
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(outcome.status == 0 && outcome.output.contains("broken: 0\n"), "\(outcome.output)\(outcome.errors)")
        print(outcome.output)
    }
}

private enum SystemdContainer {
    /// Where nothing may be left out the campaign runs, and says itself what it lacks.
    static let isCalledFor = ProcessInfo.processInfo.environment["CI"] == "true"
    static let canBoot =
        getuid() == 0
        && ["systemd-nspawn", "dpkg-shlibdeps", "python3"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
        }
}
