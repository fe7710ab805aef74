import Accounting
import EmbeddingSets
import Evaluation
import Failures

/// What SQLite says after the demo's batches, against the truth.
struct DemoJudgement {
    let jobs: [JobRecord]
    let rows: Int
    /// Every row of the test set has exactly one row in `v1_results`, and there are no others.
    let everyRowOnce: Bool
    let rowsFailed: Int
    let accuracy: Double
    let macroF1: Double
    let ece: Double
    let zeroShotAccuracy: Double
    let zeroShotMacroF1: Double
    /// A few rows to look at.
    let sample: [ResultRecord]

    init(reader: StoreReader, test: EmbeddingSet, prompts: EmbeddingSet) throws {
        guard let labels = test.labels, let classes = test.classes, let promptLabels = prompts.labels,
            let promptClasses = prompts.classes
        else { throw Failure(.noLabels, "the demo's data has no labels: install it again.") }
        jobs = try reader.jobs()

        var rowOf: [String: Int] = [:]
        for row in 0..<test.rows { rowOf[test.ids.text(row)] = row }
        let classOf = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var seen = [Int](repeating: 0, count: test.rows)
        var strangers = 0
        var matrix = ConfusionMatrix(classes: classes.count)
        var bins = CalibrationBins()
        var sample: [ResultRecord] = []
        var next: Int64 = 0
        while case let page = try reader.results(after: next, limit: 5_000), let last = page.last {
            next = last.seq
            sample += page.prefix(3 - sample.count)
            for record in page {
                guard let row = rowOf[record.itemID] else {
                    strangers += 1
                    continue
                }
                seen[row] += 1
                let predicted = record.label.flatMap { classOf[$0] } ?? -1
                matrix.add(label: Int(labels[row]), predicted: predicted)
                if let score = record.score { bins.add(confidence: score, right: predicted == Int(labels[row])) }
            }
        }
        self.sample = sample
        rows = matrix.rows
        rowsFailed = matrix.unanswered
        everyRowOnce = strangers == 0 && seen.allSatisfy { $0 == 1 }
        accuracy = matrix.accuracy
        macroF1 = matrix.macroF1
        ece = bins.expectedError

        let map = ClassMap(from: promptClasses, to: classes)
        let prototypes = Prototypes(
            prompts: prompts.embeddings, labels: promptLabels.map { map($0) }, classes: classes.count,
            dimension: test.dimension)
        var zeroShot = ConfusionMatrix(classes: classes.count)
        for (label, predicted) in zip(labels, prototypes.predictions(test.embeddings)) {
            zeroShot.add(label: Int(label), predicted: predicted)
        }
        zeroShotAccuracy = zeroShot.accuracy
        zeroShotMacroF1 = zeroShot.macroF1
    }
}
