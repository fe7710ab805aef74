import Foundation
import Testing

/// A few points each of the campaigns in Tests/Faults; `make crash-sweep` and `make power-loss` try all.
@Suite(
    "faults, sampled",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs python3"))
struct FaultCampaignTests {
    private static let faults = Batches.fixtures
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Faults")

    @Test(
        "killed before or after a call that changes its disk, the service loses no input and doubles no row",
        arguments: [Int.random(in: 1...9_999)])
    func crashSweep(seed: Int) throws {
        try campaign("crash_sweep.py", ["--sample", "40", "--seed", "\(seed)"], tells: "crash points tried: 40 ")
    }

    @Test(
        "of a disk as a power loss may leave it the service keeps what it answered for, and finishes the rest",
        arguments: [Int.random(in: 1...9_999)])
    func powerLoss(seed: Int) throws {
        try campaign(
            "power_loss.py", ["--states", "30", "--seed", "\(seed)"], tells: "disk states recovered: 30 of 30;")
    }

    private func campaign(_ script: String, _ arguments: [String], tells figure: String) throws {
        let outcome = try Sono.run(
            [Self.faults.appending(path: script).path, "--binary", Sono.executable.path] + arguments,
            executable: URL(fileURLWithPath: "/usr/bin/python3"), environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains(figure) && outcome.output.contains("broken: 0\n"), "\(outcome.output)")
    }
}
