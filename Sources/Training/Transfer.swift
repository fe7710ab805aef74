import Failures
import Refinement

/// What another model learned, kept as it is, under a head fitted in closed form to rows where it takes them: the discriminant
/// and the zero-shot blend of `CrossFit`, with prompts moved like rows.
struct Transfer {
    private let source: LoadedModel
    private let task: TrainingTask
    private let options: TrainingOptions
    /// The source's field and velocity network with the new task's classes, before its head is fitted.
    private let start: Model<Float>

    /// - Parameter options: of the training that it is held against; the order is the source's, and so is the way to solve
    ///   where the caller did not choose it.
    /// - Throws: what `Model.starting(from:)` throws, before anything is trained.
    init(from source: LoadedModel, _ task: TrainingTask, options: TrainingOptions) throws {
        self.source = source
        self.task = task
        let configuration = source.model.configuration
        var own = options.recipe == nil ? options : options.solved(as: configuration)
        own.order = configuration.order
        self.options = own
        start = try task.untrained(self.options).starting(from: source.model)
    }

    func fitHead(progress: (TrainingProgress) -> Void) throws -> TrainingCandidate {
        var model = start
        let engine = GradientEngine(model, threads: options.threads)
        let parameters = model.parameters
        let moved = task.moving { rows in
            let end = engine.forward(parameters, start: rows.start).end
            return Self.refined(
                start: rows.start, end: end, mix: Float(model.configuration.mix), dimension: rows.dimension)
        }
        var headOptions = options
        headOptions.order = 0
        var fit = CrossFit(moved, options: headOptions)
        fit.run { progress(TrainingProgress(trial: 2, trials: 2, epoch: $0, of: 3, loss: 0, accuracy: 0)) }
        let head = try fit.model(moved)
        model.configuration.classifier = .affine
        model.configuration.logitScale = head.configuration.logitScale
        model.configuration.temperature = head.configuration.temperature
        model.classifierWeight = head.classifierWeight
        model.classifierBias = head.classifierBias

        func score(_ rows: PreparedRows) -> ValidationScore {
            let logits = GradientEngine(model, threads: options.threads).forward(model.parameters, start: rows.start)
                .logits
            return Calibration.score(logits: logits, labels: rows.labels, classes: task.classes.count)
        }
        let own = task.validation.map(score) ?? (fit.canChoose ? fit.score() : nil)
        let trial = TrainingTrial(
            name: "head over \(source.id)", options: options, epoch: 0, loss: nil,
            supportAccuracy: score(task.support).accuracy, validation: own)
        return TrainingCandidate(
            model: model, trials: [trial], search: fit.search, chosen: 0, isZeroShot: false,
            selection: task.validation != nil ? .validation : fit.canChoose ? .crossFit : .none, zeroShot: nil,
            score: own)
    }

    /// `normalise(x0 + m (x(T) - x0))`, `[n, D]`.
    private static func refined(start: [Float], end: [Float], mix: Float, dimension d: Int) -> [Float] {
        var rows = zip(start, end).map { $0 + mix * ($1 - $0) }
        for first in stride(from: 0, to: rows.count, by: max(1, d)) {
            let norm = Float(rows[first..<first + d].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
            // A row that the source loses stays where it was: it is as good as not moved.
            guard norm.isFinite, norm > 0 else {
                rows.replaceSubrange(first..<first + d, with: start[first..<first + d])
                continue
            }
            for i in first..<first + d { rows[i] /= norm }
        }
        return rows
    }
}
