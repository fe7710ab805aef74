import Glibc
import Refinement
import Testing
import Training

@Suite struct OptimiserTests {
    @Test("the first update moves by the rate against the sign of the gradient, and decay pulls to zero")
    func firstUpdate() {
        var optimiser = AdamW(
            count: 4,
            groups: [.init(range: 0..<2, rate: 0.1, decay: 0), .init(range: 2..<3, rate: 0.1, decay: 0.5)])
        var parameters: [Float] = [1, 1, 1, 1]
        optimiser.update(&parameters, gradient: [3, -0.01, 2, 5], factor: 0.5)
        // m / √v is the sign after bias correction; the last parameter belongs to no group.
        for (value, expected) in zip(parameters, [0.95, 1.05, 0.95 - 0.05 * 0.5, 1] as [Float]) {
            #expect(abs(value - expected) < 1e-6)
        }
    }

    @Test("a quadratic is minimised")
    func quadratic() {
        var optimiser = AdamW(count: 2, groups: [.init(range: 0..<2, rate: 0.1, decay: 0)])
        let schedule = CosineSchedule(updates: 300, warmUp: 0.05)
        var parameters: [Float] = [4, -3]
        for update in 1...300 {
            let gradient = [2 * (parameters[0] - 1), 20 * (parameters[1] - 2)]
            optimiser.update(&parameters, gradient: gradient, factor: schedule.factor(update))
        }
        #expect(abs(parameters[0] - 1) < 1e-2)
        #expect(abs(parameters[1] - 2) < 1e-2)
    }

    @Test("the rate rises linearly to its peak and falls to zero along a cosine")
    func schedule() {
        let schedule = CosineSchedule(updates: 110, warmUp: 0.1)
        #expect(schedule.factor(1) == 1 / 11.0)
        #expect(schedule.factor(11) == 1)
        #expect(abs(schedule.factor(11 + 99 / 3) - 0.75) < 1e-12)
        #expect(schedule.factor(110) == 0)
    }

    @Test(
        "the temperature that makes sampled labels likeliest is the one they were sampled at", arguments: [0.3, 1, 4])
    func temperature(_ truth: Double) {
        var generator = SplitMix64(seed: 2)
        let (rows, classes) = (4_000, 5)
        let logits = (0..<rows * classes).map { _ in Float(2 * generator.gaussian()) }
        let labels = (0..<rows).map { row -> Int32 in
            // Gumbel's trick: the argmax of logits / T plus Gumbel noise is a draw from the softmax.
            var best = (index: 0, value: -Double.infinity)
            for i in 0..<classes {
                let noise = -log(-log(max(generator.uniform(), 1e-300)))
                let value = Double(logits[row * classes + i]) / truth + noise
                if value > best.value { best = (i, value) }
            }
            return Int32(best.index)
        }
        let score = Calibration.score(logits: logits, labels: labels, classes: classes)
        #expect(abs(score.temperature / truth - 1) < 0.1)
        for other in [0.8, 1.25] {
            #expect(
                Calibration.nll(
                    logits: logits, labels: labels, classes: classes, temperature: score.temperature * other)
                    > score.nll)
        }
    }

    @Test("a few rows that are all right do not ask for certainty")
    func allRight() {
        let logits: [Float] = [3, 0, 0, 0, 3, 0, 0, 0, 3]
        let score = Calibration.score(logits: logits, labels: [0, 1, 2], classes: 3)
        #expect(score.accuracy == 1)
        // Three right of three, and one imagined: about 1 - (1/4)(2/3) = 0.83 for the best class.
        let best = 1 / (1 + 2 * exp(-3 / score.temperature))
        #expect(abs(best - 5.0 / 6) < 0.01)
    }
}
