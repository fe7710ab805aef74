import Dynamics
import EmbeddingSets
import Evaluation
import Foundation
import Refinement
import Testing
import Training

@Suite("sweeps that train")
struct TrainingSweepTests {
    /// Three classes around axes of their own; prompts near them.
    private func set(perClass: Int, noise: Double, seed: UInt64) -> EmbeddingSet {
        let d = 8
        var generator = SplitMix64(seed: seed)
        var set = EmbeddingSet(
            dimension: d,
            embeddings: (0..<3 * perClass * d).map { i in
                Float((i % d == i / d % 3 ? 1 : 0) + noise * generator.gaussian())
            })
        set.labels = (0..<3 * perClass).map { Int32($0 % 3) }
        set.classes = ["a", "b", "c"]
        return set
    }

    private func rows(perClass: Int, noise: Double, seed: UInt64) throws -> TrainingRows {
        try TrainingRows(set(perClass: perClass, noise: noise, seed: seed), name: "rows")
    }

    @Test("a model is trained for each width, no wider than asked, and told with what it came to")
    func widths() throws {
        var options = TrainingOptions.standard
        options.seed = 3
        let training = WidthTraining(widths: [4, 9], options: options, toolVersion: "test")
        var seen: [Int] = []
        let (models, outcomes) = try training.run(
            support: rows(perClass: 8, noise: 0.4, seed: 1), prompts: rows(perClass: 1, noise: 0.1, seed: 2),
            validation: rows(perClass: 6, noise: 0.4, seed: 3)
        ) { done, of in seen.append(10 * done + of) }
        #expect(seen == [2, 12])
        #expect(outcomes.map(\.width) == [4, 9])
        for (model, outcome) in zip(models, outcomes) {
            #expect(model.configuration.hidden <= outcome.width && outcome.seconds > 0)
            #expect(outcome.validationAccuracy.map { $0 > 1 / 3.0 } == true)
        }
    }

    @Test("each setting is halved and doubled alone, and judged as it was trained")
    func sensitivity() throws {
        let support = try rows(perClass: 4, noise: 0.4, seed: 1)
        let prompts = try rows(perClass: 1, noise: 0.1, seed: 2)
        let test = set(perClass: 40, noise: 0.4, seed: 4)
        let report = try Sensitivity(solver: .midpoint, steps: 2, toolVersion: "test")
            .run(support: support, prompts: prompts, validation: nil, on: test)
        #expect(
            report.trials.map { "\($0.setting ?? "-") \($0.value)" } == [
                "- ", "horizon 0.5", "horizon 2", "steps 1", "steps 4", "mix 0.5", "mix 2", "penalty 0.5", "penalty 2",
                "initial velocity zero",
            ])
        #expect(report.trials.map(\.steps) == [2, 2, 2, 1, 4, 2, 2, 2, 2, 2])
        #expect(report.rows == 120 && report.supportRows == 12)
        var options = TrainingOptions(solver: .midpoint, steps: 2)
        options.search = false
        func check(_ trial: Sensitivity.Trial, _ options: TrainingOptions) throws {
            let trained = try Trainer(options: options, toolVersion: "test").train(support: support, prompts: prompts)
            let model = trained.model
            let own = try Evaluator(refiner: Refiner(model: model)).evaluate(test)
            let finer = try Evaluator(refiner: Refiner(model: model, steps: 8)).evaluate(test)
            #expect(trial.accuracy == own.accuracy && trial.macroF1 == own.macroF1)
            #expect(abs(trial.consistencyGap - abs(own.accuracy - finer.accuracy)) < 1e-12)
            #expect(trial.validationAccuracy == trained.validation?.accuracy && trial.isZeroShot == trained.isZeroShot)
        }
        try check(report.trials[0], options)
        options.horizon = 2
        try check(report.trials[2], options)
    }

    @Test("the peak of memory is counted anew for a point, and the report's is over all")
    func memory() {
        let before = Machine.peakMemory
        do {
            let large = [UInt8](repeating: 1, count: 64 << 20)
            #expect(Machine.peakMemory >= before && large.last == 1)
        }
        let high = Machine.peakMemory
        guard Machine.forgetPeakMemory() else { return }
        #expect(Machine.peakMemory <= high)
        let large = [UInt8](repeating: 2, count: 32 << 20)
        #expect(large.last == 2 && Machine.peakMemory >= 32 << 20)
    }
}
