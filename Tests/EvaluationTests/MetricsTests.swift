import Evaluation
import Testing

@Suite("metrics")
struct MetricsTests {
    @Test("accuracy, macro-F1, balanced accuracy and every class's scores are scikit-learn's")
    func confusionMatrix() throws {
        let fixture = try MetricsFixture.load()
        var matrix = ConfusionMatrix(classes: fixture.classes)
        for (label, predicted) in zip(fixture.labels, fixture.predicted) {
            matrix.add(label: label, predicted: predicted)
        }

        #expect(matrix.rows == fixture.labels.count)
        #expect(abs(matrix.accuracy - fixture.accuracy) < 1e-12)
        #expect(abs(matrix.macroF1 - fixture.macroF1) < 1e-12)
        #expect(abs(matrix.balancedAccuracy - fixture.balancedAccuracy) < 1e-12)
        #expect(matrix.support == fixture.support)
        for score in matrix.scores {
            #expect(abs(score.precision - fixture.precision[score.index]) < 1e-12)
            #expect(abs(score.recall - fixture.recall[score.index]) < 1e-12)
            #expect(abs(score.f1 - fixture.f1[score.index]) < 1e-12)
        }
        for label in 0..<fixture.classes {
            for predicted in 0..<fixture.classes {
                #expect(matrix[label, predicted] == fixture.confusion[label][predicted])
            }
        }
    }

    @Test("ECE over 15 bins is NumPy's, and the log loss scikit-learn's, its clipping included")
    func calibration() throws {
        let fixture = try MetricsFixture.load()
        var bins = CalibrationBins()
        var loss = LogLoss()
        for row in fixture.labels.indices {
            bins.add(confidence: fixture.confidence[row], right: fixture.labels[row] == fixture.predicted[row])
            loss.add(probability: fixture.labelProbability[row])
        }
        #expect(bins.bins.count == 15)
        #expect(abs(bins.expectedError - fixture.ece) < 1e-12)
        #expect(abs(loss.mean - fixture.nll) < 1e-5)
    }

    @Test("tens of thousands of classes cost what the pairs that occur cost")
    func manyClasses() {
        let classes = 60_000
        var matrix = ConfusionMatrix(classes: classes)
        for label in 0..<classes { matrix.add(label: label, predicted: label / 2 * 2) }
        #expect(matrix.accuracy == 0.5)
        // Even classes: P 1/2, R 1, F1 2/3; odd ones 0.
        #expect(abs(matrix.macroF1 - 1 / 3.0) < 1e-12)
        #expect(matrix.confusions(limit: 1) == [Confusion(label: 1, predicted: 0, rows: 1)])
    }

    @Test("a class without rows and without answers has F1 0, not a hole in the mean")
    func undefinedF1() {
        var matrix = ConfusionMatrix(classes: 3)
        for (label, predicted) in [(0, 0), (0, 0), (1, 0), (1, 1)] { matrix.add(label: label, predicted: predicted) }
        // F1: 2·2/(3+2) = 0.8, 2·1/(1+2) = 2/3, undefined = 0.
        #expect(abs(matrix.macroF1 - (0.8 + 2 / 3.0) / 3) < 1e-12)
        #expect(matrix.scores[2].f1 == 0)
    }

    @Test("a row without an answer, and a row of a class nobody knows, are wrong")
    func unanswered() {
        var matrix = ConfusionMatrix(classes: 2)
        matrix.add(label: 0, predicted: 0)
        matrix.add(label: 0, predicted: -1)
        matrix.add(label: -1, predicted: 0)
        matrix.add(label: 1, predicted: 1)
        #expect(matrix.rows == 4)
        #expect(matrix.unanswered == 1)
        #expect(matrix.accuracy == 0.5)
        #expect(matrix.scores[0].precision == 0.5)
        #expect(matrix.scores[0].recall == 0.5)
    }

    @Test("confused pairs come most frequent first, and ties in class order")
    func confusions() {
        var matrix = ConfusionMatrix(classes: 3)
        for (label, predicted) in [(2, 1), (0, 1), (1, 0), (1, 0), (0, 0)] {
            matrix.add(label: label, predicted: predicted)
        }
        #expect(
            matrix.confusions(limit: 2) == [
                Confusion(label: 1, predicted: 0, rows: 2), Confusion(label: 0, predicted: 1, rows: 1),
            ])
    }

    @Test("a confidence on a bin's upper edge belongs to that bin, and 0 and 1 to the outermost")
    func edges() {
        var bins = CalibrationBins(count: 4)
        for confidence in [0, 0.25, 0.2500001, 0.5, 1] { bins.add(confidence: confidence, right: true) }
        #expect(bins.bins.map(\.rows) == [2, 2, 0, 1])
    }

    @Test("ECE of two bins, by hand")
    func handComputedError() {
        var bins = CalibrationBins(count: 2)
        bins.add(confidence: 0.4, right: false)
        bins.add(confidence: 0.8, right: true)
        bins.add(confidence: 0.6, right: false)
        bins.add(confidence: 1.0, right: true)
        // (1·|0 - 0.4| + 3·|2/3 - 0.8|) / 4
        #expect(abs(bins.expectedError - 0.2) < 1e-12)
    }

    @Test("nothing counted is 0 everywhere")
    func empty() {
        let matrix = ConfusionMatrix(classes: 0)
        #expect(matrix.accuracy == 0 && matrix.macroF1 == 0 && matrix.balancedAccuracy == 0)
        #expect(CalibrationBins().expectedError == 0)
        #expect(LogLoss().mean == 0)
    }
}
