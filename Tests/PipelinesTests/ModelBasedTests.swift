import Foundation
import Testing

@Suite("spool and store beside their model")
struct ModelBasedTests {
    /// Twenty-five random operations, faults and restarts a sequence, then everything is brought to its end. The seed is
    /// printed by a failure; the sequences of a seed are always the same. `make model-test` runs thousands.
    @Test(
        "after random operations, faults and restarts every file and job is where the model says, and changes replay",
        arguments: (0..<4).map { _ in UInt64.random(in: 1...999_999) })
    func sequences(seed: UInt64) throws {
        let asked = ProcessInfo.processInfo.environment["SONO_MODEL_SEQUENCES"].flatMap { UInt64($0) }
        for number in 0..<(asked ?? 15) {
            let life = try RandomLife(seed: seed << 16 | number, steps: 25)
            try life.run()
        }
    }
}
