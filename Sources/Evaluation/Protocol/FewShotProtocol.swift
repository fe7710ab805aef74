import EmbeddingSets
import Failures
import Refinement
import Training

/// The few-shot protocol: a model and its rivals on the same draws, judged on the same test rows.
///
/// Test rows are read here and nowhere else, and nothing is chosen by them.
public struct FewShotProtocol: Sendable {
    /// What one cell trains on, chooses by and is judged on.
    public struct Task: Sendable {
        public let support: TrainingRows
        public let validation: TrainingRows?
        public let test: TrainingRows
        /// How the support was drawn; nil for the whole pool.
        public let shots: Int?
        public let seed: UInt64

        public init(support: TrainingRows, validation: TrainingRows?, test: TrainingRows, shots: Int?, seed: UInt64) {
            self.support = support
            self.validation = validation
            self.test = test
            self.shots = shots
            self.seed = seed
        }
    }

    /// The name that the model goes by.
    public static let model = "model"
    private let prompts: TrainingRows
    private let options: TrainingOptions
    private let toolVersion: String
    private static let chunkRows = 1_024

    /// - Parameter options: the recipe of the model and of the controls.
    public init(prompts: TrainingRows, options: TrainingOptions, toolVersion: String) {
        self.prompts = prompts
        self.options = options
        self.toolVersion = toolVersion
    }

    /// Fits one method and judges it.
    ///
    /// - Parameter method: `model`, or a baseline's name.
    /// - Throws: what training throws; `invalid_argument` for a method that there is not.
    public func run(_ method: String, _ task: Task) throws -> ProtocolRun {
        var options = options
        options.seed = task.seed
        let start = ContinuousClock.now
        let (head, temperature, classes): (BaselineHead, Double, [String])
        if method == Self.model {
            let trained = try Trainer(options: options, toolVersion: toolVersion).train(
                support: task.support, prompts: prompts, validation: task.validation)
            head = try .model(trained.model)
            (temperature, classes) = (trained.model.configuration.temperature, trained.model.classes)
        } else if let baseline = Baseline(rawValue: method) {
            let fitted = try BaselineComparison(
                support: task.support, prompts: prompts, validation: task.validation, options: options
            ).fit(baseline)
            (head, temperature, classes) = (fitted.head, fitted.temperature, fitted.classes)
        } else {
            throw Failure(.invalidArgument, "there is no baseline \(method).")
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)

        let map = ClassMap(from: task.test.classes, to: classes)
        let (c, d) = (classes.count, task.test.dimension)
        var tally = PredictionTally(classes: classes, temperature: temperature)
        var right: [Bool] = []
        let answering = ContinuousClock.now
        for first in stride(from: 0, to: task.test.rows, by: Self.chunkRows) {
            let rows = first..<min(first + Self.chunkRows, task.test.rows)
            let logits = task.test.embeddings.withUnsafeBufferPointer {
                head.logits(
                    UnsafeBufferPointer(rebasing: $0[rows.lowerBound * d..<rows.upperBound * d]),
                    threads: options.threads)
            }
            for (i, row) in rows.enumerated() where task.test.labels[row] >= 0 {
                let own = logits[i * c..<(i + 1) * c]
                let label = map(task.test.labels[row])
                guard own.allSatisfy(\.isFinite) else {
                    tally.addFailure(label: label)
                    right.append(false)
                    continue
                }
                tally.add(label: label, logits: own)
                var best = own.startIndex
                for k in own.indices where own[k] > own[best] { best = k }
                right.append(best - own.startIndex == label)
            }
        }
        let answered = (ContinuousClock.now - answering) / .seconds(1)
        return ProtocolRun(
            method: method, shots: task.shots, seed: task.seed, support: task.support.rows, tally: tally, right: right,
            seconds: seconds, microsecondsPerRow: answered / Double(max(1, task.test.rows)) * 1e6,
            parameters: head.parameters)
    }
}
