import EmbeddingSets
import Evaluation
import Failures
import Foundation
import Refinement
import Testing
import Training

@Suite("baselines")
struct BaselineTests {
    private let fixture: BaselineFixture
    /// All that are fitted here; the others are what `Trainer` trains.
    private static let fittedHere = Baseline.allCases.filter { ![.order0, .order1].contains($0) }

    init() throws {
        fixture = try BaselineFixture.load()
    }

    private func comparison(validates: Bool = true) throws -> BaselineComparison {
        func rows(_ name: String) throws -> TrainingRows {
            try TrainingRows(fixture.syntheticSet(name), name: name)
        }
        return try BaselineComparison(
            support: rows("support"), prompts: rows("prompts"), validation: validates ? rows("validation") : nil,
            options: .gradient)
    }

    /// Logits less the mean of their row: what the softmax sees.
    private func centred(_ logits: some Sequence<Double>) -> [Double] {
        let values = Array(logits)
        let mean = values.reduce(0, +) / Double(values.count)
        return values.map { $0 - mean }
    }

    @Test(
        "each agrees with NumPy, SciPy or scikit-learn on real sets, in what is chosen and what is answered",
        arguments: Baseline.allCases)
    func realSets(_ baseline: Baseline) throws {
        let expected = try #require(fixture.debianSections[baseline.rawValue])
        func rows(_ name: String) throws -> TrainingRows {
            try TrainingRows(BaselineFixture.debianSections(name), name: name)
        }
        let comparison = try BaselineComparison(
            support: rows("support"), prompts: rows("prompts"), validation: rows("validation"), options: .gradient)
        let fitted = try comparison.fit(baseline)
        let report = try comparison.judge(fitted, on: BaselineFixture.debianSections("test"))
        #expect(abs(report.accuracy - expected.accuracy) < 0.003)
        #expect(abs(report.macroF1 - expected.macroF1) < 0.005)
        #expect(abs(report.nll - expected.nll) < 0.01)
        #expect(abs(report.temperature / expected.temperature - 1) < 0.05)
        #expect(report.selection == .validation && report.rowsFailed == 0)
    }

    @Test(
        "logits are those of NumPy, SciPy or scikit-learn at the same settings, up to the solver's precision",
        arguments: fittedHere)
    func logits(_ baseline: Baseline) throws {
        let expected = try #require(fixture.synthetic[baseline.rawValue])
        let test = try fixture.syntheticSet("test")
        let fitted = try comparison().fit(baseline, settings: expected.settings)
        let logits = fitted.logits(test.embeddings).map(Double.init)
        // scikit-learn knows no class without rows; ours is left with what a free bias makes of it.
        let compared = baseline == .linearProbe ? [0, 1, 2, 4] : [0, 1, 2, 3, 4]
        for (row, own) in expected.logits.enumerated() {
            let found = centred(compared.map { logits[row * 5 + $0] })
            let wanted = centred(compared.map { own[$0] })
            let size = wanted.map(abs).max() ?? 0
            for (found, wanted) in zip(found, wanted) {
                #expect(abs(found - wanted) < baseline.precision * max(1, size), "row \(row)")
            }
        }
    }

    @Test("the result does not depend on the number of threads", arguments: Baseline.allCases)
    func threads(_ baseline: Baseline) throws {
        // More classes and rows than one tile takes, so that threads have something to share.
        let (classes, d) = (20, 24)
        var generator = SplitMix64(seed: 3)
        let centres = (0..<classes * d).map { _ in Float(generator.gaussian()) }
        func rows(_ perClass: Int) -> TrainingRows {
            let labels = (0..<classes * perClass).map { Int32($0 % classes) }
            let embeddings = labels.flatMap { label in
                (0..<d).map { centres[Int(label) * d + $0] + 0.8 * Float(generator.gaussian()) }
            }
            return TrainingRows(
                dimension: d, embeddings: embeddings, labels: labels, classes: (0..<classes).map(String.init))
        }
        let (support, prompts, validation, test) = (rows(4), rows(2), rows(2), rows(5))
        func fit(threads: Int) throws -> FittedBaseline {
            var options = TrainingOptions.gradient
            options.threads = threads
            return try BaselineComparison(
                support: support, prompts: prompts, validation: validation, options: options
            ).fit(baseline)
        }
        let (one, three) = (try fit(threads: 1), try fit(threads: 3))
        #expect(one.settings == three.settings && one.temperature == three.temperature)
        #expect(one.logits(test.embeddings, threads: 1) == three.logits(test.embeddings, threads: 3))
    }

    @Test(
        "without validation rows a quarter of the support is left out to choose by, then all of it is fitted",
        arguments: fittedHere)
    func leftOut(_ baseline: Baseline) throws {
        let test = try fixture.syntheticSet("test")
        let comparison = try comparison(validates: false)
        let fitted = try comparison.fit(baseline)
        #expect(fitted.selection == .leftOut)
        // One row of each class that has two or more, and no more than a quarter.
        #expect(fitted.validation?.rows == 3)
        let again = try comparison.fit(baseline, settings: fitted.settings)
        #expect(fitted.logits(test.embeddings) == again.logits(test.embeddings))
    }

    @Test(
        "one row a class and nothing to choose by takes the usual settings and answers better than chance",
        arguments: Baseline.allCases)
    func oneShot(_ baseline: Baseline) throws {
        let support = try TrainingRows(fixture.syntheticSet("support"), name: "support")
        let comparison = try BaselineComparison(
            support: support.selecting([0, 4, 8, 9]),
            prompts: TrainingRows(fixture.syntheticSet("prompts"), name: "prompts"), options: .gradient)
        let fitted = try comparison.fit(baseline)
        #expect(fitted.selection == .none && fitted.trials == 0 && fitted.temperature == 1)
        let report = try comparison.judge(fitted, on: fixture.syntheticSet("test"))
        #expect(report.accuracy > 0.4 && report.rowsFailed == 0)
    }

    @Test("test rows choose nothing: other labels there change the figures alone", arguments: Baseline.allCases)
    func testRows(_ baseline: Baseline) throws {
        let comparison = try comparison()
        var test = try fixture.syntheticSet("test")
        let honest = try comparison.reports([baseline], on: [test])[0][baseline.rawValue]
        test.labels = test.labels.map { labels in labels.map { 4 - $0 } }
        let other = try comparison.reports([baseline], on: [test])[0][baseline.rawValue]
        #expect(honest?.settings == other?.settings && honest?.temperature == other?.temperature)
        #expect(honest?.accuracy != other?.accuracy)
    }

    @Test("the controls follow the recipe they are given: order 1 has the parameters of order 2, order 0 no field")
    func controls() throws {
        var options = TrainingOptions.gradient
        options.hidden = 16
        options.velocityHidden = 8
        options.epochs = 4
        let comparison = try BaselineComparison(
            support: TrainingRows(fixture.syntheticSet("support"), name: "support"),
            prompts: TrainingRows(fixture.syntheticSet("prompts"), name: "prompts"),
            validation: TrainingRows(fixture.syntheticSet("validation"), name: "validation"), options: options)
        // H (3 D + 2) + D + 1, the velocity network's 2 G D + G + D, and the classifier's C D.
        let second = 16 * 38 + 13 + 2 * 8 * 12 + 8 + 12 + 5 * 12
        let first = try comparison.fit(.order1)
        #expect(abs(first.parameters - second) <= 13)
        #expect(first.settings["hidden"] == 32)
        #expect(try comparison.fit(.order0).parameters == 5 * 12)
    }

    @Test("a row that is not finite or has no direction is a wrong answer and costs its neighbours nothing")
    func unusableRows() throws {
        let comparison = try comparison()
        let fitted = try comparison.fit(.gda)
        var test = try fixture.syntheticSet("test")
        let before = fitted.logits(test.embeddings)
        for i in 0..<12 { test.embeddings[i] = 0 }
        test.embeddings[12] = .nan
        let after = fitted.logits(test.embeddings)
        #expect(after[..<10].allSatisfy(\.isNaN) && after[10...] == before[10...])
        #expect(try comparison.judge(fitted, on: test).rowsFailed == 2)
    }

    @Test("labels of the test set mean classes by name, and unlabelled rows are left out")
    func names() throws {
        let comparison = try comparison()
        let fitted = try comparison.fit(.zeroShot)
        var test = try fixture.syntheticSet("test")
        let before = try comparison.judge(fitted, on: test)
        test.classes = ["e", "d", "c", "b", "a"]
        test.labels = test.labels.map { labels in labels.map { 4 - $0 } }
        #expect(try comparison.judge(fitted, on: test).accuracy == before.accuracy)
        test.labels = test.labels.map { labels in labels.map { _ in -1 } }
        #expect(throws: Failure(.noLabels, "")) { try comparison.judge(fitted, on: test) }
    }

    @Test("a Cholesky solution solves its equations, and what is not positive definite is refused")
    func cholesky() throws {
        let matrix = [4.0, 2, -2, 2, 10, 2, -2, 2, 5]
        let solution = try #require(Cholesky(matrix, size: 3)).solve([1, 2, 3, 0, 0, 1])
        for (row, right) in [[1.0, 2, 3], [0, 0, 1]].enumerated() {
            for i in 0..<3 {
                let sum = (0..<3).reduce(0) { $0 + matrix[i * 3 + $1] * solution[row * 3 + $1] }
                #expect(abs(sum - right[i]) < 1e-12)
            }
        }
        #expect(Cholesky([1, 2, 2, 1], size: 2) == nil)
    }
}

extension Baseline {
    /// How near logits are to the independent ones, as a share of the largest: closed forms to that of Float, regressions
    /// to that of their solver, gradients to what single precision makes of them.
    fileprivate var precision: Double {
        switch self {
        case .zeroShot, .tipAdapter, .gda, .gdaText: 1e-5
        case .linearProbe, .crossModalLinear: 0.01
        case .tipAdapterF, .taskResidual, .clipAdapter, .lpPlusPlus, .residualMLP: 0.01
        case .order0, .order1: .infinity
        }
    }
}
