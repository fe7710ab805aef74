import Dynamics
import Failures
import Refinement

/// One run of the optimiser from the untrained model, with the best epoch kept.
struct TrainingRun {
    let options: TrainingOptions
    let untrained: Model<Float>
    let support: PreparedRows
    let prompts: PreparedRows
    /// Rows to choose the epoch by; nil keeps the last one.
    let validation: PreparedRows?
    /// Stop after this epoch of the schedule, where it is known from an earlier run.
    var lastEpoch: Int?

    struct Outcome {
        let parameters: [Float]
        let epoch: Int
        let loss: Double?
        let supportAccuracy: Double
        /// Of the kept epoch.
        let validation: ValidationScore?

        /// Trained and likelier on the rows to choose by.
        func isBetter(than other: Outcome) -> Bool {
            guard let own = validation?.nll, let others = other.validation?.nll else { return false }
            return epoch > 0 && (other.epoch == 0 || own < others)
        }
    }

    /// The untrained model on `rows`.
    func zeroShot(_ rows: PreparedRows) -> ValidationScore {
        score(GradientEngine(untrained, threads: options.threads), untrained.parameters, rows)
    }

    /// Looks at validation rows are spread over so many points of the run.
    private static let looks = 40
    /// A run ends when its best epoch is further back than this share of all epochs.
    private static let patience = 0.4

    /// - Throws: `invalid_argument` if the loss is no longer finite and there is no earlier epoch to fall back to.
    func run(progress: (_ epoch: Int, _ of: Int, _ loss: Double, _ accuracy: Double) -> Void) throws -> Outcome {
        let engine = GradientEngine(untrained, threads: options.threads)
        var parameters = untrained.parameters
        var sampler = BatchSampler(options: options, support: support, prompts: prompts)
        let epochs = max(0, min(options.epochs, lastEpoch ?? options.epochs))
        let schedule = CosineSchedule(updates: options.epochs * sampler.batches, warmUp: options.warmUp)
        var optimiser = AdamW(count: engine.layout.count, groups: groups(engine.layout))
        let interval = max(1, options.epochs / Self.looks)
        var update = 0
        var last = BatchLoss()

        let zeroShot = validation.map { score(engine, parameters, $0) }
        var best: (parameters: [Float], epoch: Int, loss: Double?, score: ValidationScore)?
        var accuracy: Double?
        var hasStalled = false
        for epoch in stride(from: 1, through: epochs, by: 1) {
            last = BatchLoss()
            for batches in sampler.nextEpoch() {
                update += 1
                let (loss, gradient) = engine.gradient(parameters, batches)
                last.crossEntropy += loss.crossEntropy / Double(sampler.batches)
                last.penalty += loss.penalty / Double(sampler.batches)
                optimiser.update(&parameters, gradient: gradient, factor: schedule.factor(update))
                project(&parameters, engine.layout)
            }
            guard last.total.isFinite else {
                guard validation != nil else {
                    throw Failure(
                        .invalidArgument,
                        "training diverged in epoch \(epoch): lower the field's learning rate or the horizon.")
                }
                break
            }
            if let validation, let zeroShot, epoch % interval == 0 || epoch == epochs {
                let now = score(engine, parameters, validation)
                accuracy = now.accuracy
                // Likelihood chooses, as it is far less noisy than accuracy on few rows; accuracy may not fall below
                // zero-shot.
                if now.accuracy >= zeroShot.accuracy, now.nll < min(zeroShot.nll, best?.score.nll ?? .infinity) {
                    best = (parameters, epoch, last.total, now)
                }
                hasStalled = Double(epoch - (best?.epoch ?? 0)) > Self.patience * Double(options.epochs)
            }
            progress(epoch, epochs, last.total, accuracy ?? 0)
            if hasStalled { break }
        }
        if validation != nil, let zeroShot {
            let kept = best ?? (untrained.parameters, 0, nil, zeroShot)
            return Outcome(
                parameters: kept.parameters, epoch: kept.epoch, loss: kept.loss,
                supportAccuracy: score(engine, kept.parameters, support).accuracy, validation: kept.score)
        }
        return Outcome(
            parameters: parameters, epoch: epochs, loss: epochs > 0 ? last.total : nil,
            supportAccuracy: score(engine, parameters, support).accuracy, validation: nil)
    }

    private func score(_ engine: GradientEngine<Float>, _ parameters: [Float], _ rows: PreparedRows) -> ValidationScore
    {
        let logits = engine.forward(parameters, start: rows.start, velocity: rows.velocity).logits
        return Calibration.score(logits: logits, labels: rows.labels, classes: untrained.classes.count)
    }

    /// What is trained, how fast, and what decays.
    private func groups(_ layout: ParameterLayout) -> [AdamW.Group] {
        Parameter.allCases.compactMap { parameter in
            let range = layout[parameter]
            guard !range.isEmpty else { return nil }
            let (rate, decay): (Double, Double) =
                switch parameter {
                case .positionWeight, .velocityWeight, .outputWeight, .networkInputWeight, .networkOutputWeight:
                    (options.fieldRate, options.weightDecay)
                case .timeWeight, .fieldBias, .outputBias, .damping, .networkInputBias, .networkOutputBias:
                    (options.fieldRate, 0)
                case .classifierWeight, .classifierBias: (options.classifierRate, 0)
                case .mix: (options.learnsMix ? options.fieldRate : 0, 0)
                case .logitScale: (options.learnsLogitScale ? options.logitScale * options.fieldRate : 0, 0)
                case .priorScale: (0, 0)
                }
            return rate > 0 ? AdamW.Group(range: range, rate: rate, decay: decay) : nil
        }
    }

    /// Damping is never negative, as the model's definition asks.
    private func project(_ parameters: inout [Float], _ layout: ParameterLayout) {
        for index in layout[.damping] where parameters[index] < 0 { parameters[index] = 0 }
    }
}
