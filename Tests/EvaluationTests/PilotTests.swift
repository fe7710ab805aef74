import Evaluation
import Failures
import Foundation
import Testing

@Suite("the pilot's verdict")
struct PilotTests {
    private static func sample() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        return try String(
            contentsOf: root.appending(path: "Sources/sono/Resources/pilot-criteria.yaml"), encoding: .utf8)
    }

    private func criteria() throws -> PilotCriteria { try PilotCriteria(yaml: Self.sample(), name: "sample") }

    /// All good: a clear gain and simple operation.
    private var good: PilotMeasurements {
        func gain(_ points: Double) -> PilotMeasurements.Gain {
            PilotMeasurements.Gain(
                rival: "gda", accuracy: points / 100, low: points / 200, high: points / 50, macroF1: points / 100)
        }
        return PilotMeasurements(
            accuracy: 0.8, accuracyWithoutEquation: 0.79, overBestBaseline: gain(2), overLinearHead: gain(2),
            overNoEquation: gain(2), negativeTransfer: 0.01, calibrationError: 0.03, baselineCalibrationError: 0.03,
            inconsistency: 0.001, batchSeconds: 0.01, addedMemory: 10 * 1_048_576, secondsPerRow: 20e-6,
            secondsPerRowWithoutEquation: 1e-6, trainingSeconds: 3, order: 2,
            ways: [
                .init(name: "rk4, 1 steps", accuracy: 0.8, secondsPerRow: 20e-6),
                .init(name: "midpoint, 1 steps", accuracy: 0.799, secondsPerRow: 12e-6),
                .init(name: "order 0", accuracy: 0.79, secondsPerRow: 1e-6),
            ])
    }

    private func decision(_ change: (inout PilotMeasurements) -> Void) throws -> PilotVerdict.Decision {
        var measured = good
        change(&measured)
        return PilotVerdict(try criteria(), measured).decision
    }

    private func gain(_ accuracy: Double, _ low: Double, _ high: Double) -> PilotMeasurements.Gain {
        PilotMeasurements.Gain(rival: "gda", accuracy: accuracy, low: low, high: high, macroF1: accuracy)
    }

    @Test("a clear gain with simple operation is adopted, a small one too")
    func adopted() throws {
        #expect(try decision { _ in } == .adopt)
        #expect(try decision { $0.overBestBaseline = gain(0.001, -0.001, 0.003) } == .adopt)
    }

    @Test("a clear gain with heavy operation goes in stages, a small one is no")
    func staged() throws {
        #expect(try decision { $0.batchSeconds = 0.05 } == .adoptInStages)
        #expect(try decision { $0.addedMemory = 100 * 1_048_576 } == .adoptInStages)
        #expect(
            try decision {
                $0.batchSeconds = 0.05
                $0.overBestBaseline = gain(0.001, -0.001, 0.003)
            } == .doNotAdopt)
    }

    @Test("no criterion can be failed and the verdict be yes")
    func failed() throws {
        #expect(try decision { $0.overBestBaseline = gain(-0.001, -0.003, 0.001) } == .doNotAdopt)
        #expect(try decision { $0.overLinearHead = gain(0.002, 0.001, 0.003) } == .doNotAdopt)
        #expect(try decision { $0.overNoEquation = gain(-0.01, -0.02, -0.001) } == .doNotAdopt)
        #expect(try decision { $0.negativeTransfer = 0.09 } == .doNotAdopt)
        #expect(try decision { $0.calibrationError = 0.07 } == .doNotAdopt)
        #expect(try decision { $0.inconsistency = 0.006 } == .doNotAdopt)
        #expect(try decision { $0.batchSeconds = 0.2 } == .doNotAdopt)
        #expect(try decision { $0.addedMemory = 300 * 1_048_576 } == .doNotAdopt)
        #expect(try decision { $0.secondsPerRow = 1 } == .doNotAdopt)
        #expect(try decision { $0.order = 0 } == .doNotAdopt)
    }

    @Test("a gain whose interval reaches below 0 is none to adopt for")
    func luck() throws {
        let verdict = PilotVerdict(
            try criteria(),
            {
                var measured = good
                measured.overNoEquation = gain(0.02, -0.001, 0.04)
                return measured
            }())
        #expect(verdict.judgements.first { $0.criterion == "gain over no equation" }?.grade == .stage)
    }

    @Test("costs follow from volume, time and prices; the cheapest good way is named; hardware is counted")
    func costs() throws {
        let verdict = PilotVerdict(try criteria(), good)
        let compute = 50e6 * 20e-6 / 3_600 * 0.04 / 0.5
        #expect(abs(verdict.costPerMonth - (compute + 4 * 3.0 / 3_600 * 0.04 + 2 * 60)) < 1e-9)
        let more = compute - 50e6 * 1e-6 / 3_600 * 0.04 / 0.5
        #expect(abs(try #require(verdict.costPerAdditionalCorrectDecision) - more / (0.01 * 50e6)) < 1e-12)
        #expect(verdict.cheapest == "midpoint, 1 steps")
        #expect(!verdict.needsMoreHardware)
        var slow = good
        slow.secondsPerRow = 0.1
        #expect(PilotVerdict(try criteria(), slow).needsMoreHardware)
    }

    @Test("a criteria file with a missing, unknown or wrong key is refused by name")
    func strict() throws {
        func refusal(_ change: (String) -> String) throws -> String {
            do {
                _ = try PilotCriteria(yaml: change(Self.sample()), name: "c.yaml")
                return "accepted"
            } catch let failure as Failure {
                #expect(failure.code == .configurationInvalid)
                return "\(failure)"
            }
        }
        #expect(try refusal { $0.replacingOccurrences(of: "work_hour:", with: "wrok_hour:") }.contains("wrok_hour"))
        #expect(try refusal { $0.replacingOccurrences(of: "work_hour: 60.0\n", with: "") }.contains("work_hour"))
        #expect(try refusal { $0.replacingOccurrences(of: "cores: 2", with: "cores: two") }.contains("cores"))
        #expect(try refusal { $0.replacingOccurrences(of: "utilisation: 0.5", with: "utilisation: 0") } != "accepted")
        #expect(try refusal { _ in "" } != "accepted")
        #expect(throws: Failure(.notFound, "")) { try PilotCriteria(path: "/nonexistent/criteria.yaml") }
    }

    @Test("the pages hold no markup but their own, and load nothing")
    func page() throws {
        let measured = good
        let summary = ProtocolSummary([])
        let report = PilotReport(
            verdict: PilotVerdict(try criteria(), measured), measured: measured, summary: summary, machine: .current,
            criteria: try criteria())
        let path = FileManager.default.temporaryDirectory.appending(path: "pilot-\(UUID().uuidString).html").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try PilotPage(report, title: "<script>alert(1)</script>").write(to: path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains("<script") && text.contains("&lt;script&gt;"))
        #expect(!text.contains("http:") && !text.contains("https:") && text.contains("default-src 'none'"))
        #expect(text.contains("<svg role=img") && text.contains("midpoint, 1 steps"))
    }
}
