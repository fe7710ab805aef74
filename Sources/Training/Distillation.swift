import Dynamics
import Failures
import Foundation
import Refinement

/// Teaches a model to do with fewer evaluations of `S` what it does with more: the student starts with the teacher's weights,
/// takes its own steps, and is matched to the teacher's `x(T)` and probabilities. The classifier stays as it is.
///
///     L = mean_r KL(teacher's probabilities ‖ student's) + mean_r |x(T) - x*(T)|² / mean_r |x*(T) - x0|²
///
/// with `x*` the teacher's. Labels play no part: any rows of the encoder will do, and half of each update's are mixtures
/// `normalise(a x0 + (1 - a) x0')` of two of them, of which the teacher knows the answer as well.
/// Source: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network (arXiv 1503.02531), at temperature 1 of the
/// calibrated probabilities.
public struct Distillation: Sendable {
    /// How the student solves; nil for the way with the fewest evaluations of all, one: `midpoint` in one step at order 2, whose
    /// second stage only a velocity would read, and `euler` at order 1.
    public var solving: (solver: Solver, steps: Int)?
    public var updates = 400
    /// Rows to an update, mixtures included.
    public var batchRows = 256
    /// AdamW's peak learning rate.
    public var rate = 1e-3
    public var seed: UInt64 = 1
    /// Threads to compute with; nil for one to each core. The result does not depend on it.
    public var threads: Int?

    public init() {}

    /// How near a student is to its teacher on some rows.
    public struct Match: Sendable, Codable, Equatable {
        public var rows: Int
        /// Share of rows with the same best class, 0 to 1.
        public var agreement: Double
        /// Mean Kullback-Leibler divergence from the teacher's calibrated probabilities, in nats.
        public var divergence: Double
        /// `mean |x(T) - x*(T)|² / mean |x*(T) - x0|²`
        public var displacementError: Double

        public var loss: Double { divergence + displacementError }
    }

    public struct Outcome: Sendable {
        /// With the teacher's manifest, and `distilled` in it.
        public let student: Model<Float>
        /// The teacher's weights taken in the student's steps, and the student, on the rows that chose.
        public let before: Match
        public let after: Match
        /// The update whose weights were kept; 0 where no training came nearer.
        public let update: Int
        /// Rows matched on.
        public let rows: Int
    }

    private static let looks = 20

    /// Deterministic: the same rows and seed give the same bytes for any number of threads.
    ///
    /// - Parameters:
    ///   - teacher: of order 1 or 2.
    ///   - rows: sets to match on, labelled or not.
    ///   - validation: rows to choose the update by; nil to choose by those that are matched on.
    ///   - progress: called with the updates done and of all.
    /// - Throws: `invalid_argument` where the student would not take fewer evaluations, its solver cannot solve the model, or
    ///   the model loses rows;
    ///   `dimension_mismatch`, `encoder_mismatch`, `no_rows`.
    public func run(
        teacher: LoadedModel, rows: [TrainingRows], validation: TrainingRows? = nil,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Outcome {
        var student = try pupil(of: teacher.model)
        let matched = try rows.flatMap { try starts($0, teacher.model) }
        let judged = try validation.map { try starts($0, teacher.model) } ?? matched
        let d = teacher.model.configuration.dimension
        guard !matched.isEmpty, !judged.isEmpty else {
            throw Failure(.noRows, "there is no row to match on that is finite and not all zero.")
        }
        let example = Example(teacher.model, threads: threads)
        let engine = GradientEngine(student.calibrated, threads: threads)
        let truth = example(judged)
        let scale = 1 / max(truth.meanSquare, .leastNormalMagnitude)
        func match(_ parameters: [Float]) -> Match {
            let (logits, end) = engine.forward(parameters, start: judged)
            return truth.match(logits: logits, end: end, start: judged, scale: scale)
        }

        var parameters = student.calibrated.parameters
        let before = match(parameters)
        var best = (match: before, parameters: parameters, update: 0)
        var generator = SplitMix64(seed: seed)
        let schedule = CosineSchedule(updates: updates, warmUp: 0.05)
        var optimiser = AdamW(count: engine.layout.count, groups: groups(engine.layout))
        let count = min(batchRows, 2 * (matched.count / d))
        for update in stride(from: 1, through: updates, by: 1) {
            let start = draw(count, from: matched, dimension: d, &generator)
            let answers = example(start)
            let share = 1 / Float(count)
            let batch = TrainingBatch(
                start: start, labels: [Int32](repeating: -1, count: count),
                weights: [Float](repeating: share, count: count),
                penalties: [Float](repeating: share * Float(scale), count: count),
                displacements: zip(answers.end, start).map { $0 - $1 }, targets: answers.probabilities)
            let gradient = engine.gradient(parameters, [batch]).gradient
            optimiser.update(&parameters, gradient: gradient, factor: schedule.factor(update))
            for index in engine.layout[.damping] where parameters[index] < 0 { parameters[index] = 0 }
            progress(update, updates)
            guard update % max(1, updates / Self.looks) == 0 || update == updates else { continue }
            let now = match(parameters)
            // Not a number is not nearer, and nothing is farther.
            if now.loss.isFinite, now.loss < best.match.loss || !best.match.loss.isFinite {
                best = (now, parameters, update)
            }
        }

        guard best.match.loss.isFinite else {
            throw Failure(
                .invalidArgument,
                "neither the model nor its student is finite on all rows: there is nothing to match; leave out those rows."
            )
        }
        var trained = student.calibrated
        trained.setParameters(best.parameters)
        (student.field, student.velocity) = (trained.field, trained.velocity)
        student.training = try manifest(teacher, student, best.match, update: best.update, rows: matched.count / d)
        return Outcome(
            student: student, before: before, after: best.match, update: best.update, rows: matched.count / d)
    }

    /// The teacher with the student's solver and steps.
    private func pupil(of teacher: Model<Float>) throws -> Model<Float> {
        let configuration = teacher.configuration
        guard configuration.order > 0 else {
            throw Failure(.invalidArgument, "a model of order 0 solves nothing: there is nothing to make cheaper.")
        }
        var student = teacher
        let own = solving ?? (configuration.order == 2 ? .midpoint : .euler, 1)
        (student.configuration.solver, student.configuration.steps) = own
        if let objection = student.objection(to: own.solver) { throw Failure(.invalidArgument, objection) }
        let (few, many) = (student.configuration.evaluations, configuration.evaluations)
        guard few > 0 else {
            throw Failure(
                .invalidArgument, "\(own.steps) steps of \(own.solver.rawValue) never evaluate the field: take more.")
        }
        guard few < many else {
            throw Failure(
                .invalidArgument,
                "the student would take \(few) evaluations a row and the teacher takes \(many): give it fewer steps "
                    + "or a cheaper solver.")
        }
        return student
    }

    /// `x0` of the usable rows, `[n, D]`.
    private func starts(_ rows: TrainingRows, _ model: Model<Float>) throws -> [Float] {
        let (d, encoder) = (model.configuration.dimension, model.configuration.encoder)
        guard rows.dimension == d else {
            throw Failure(
                .dimensionMismatch,
                "the rows have \(rows.dimension) columns and the model refines \(d): embed them with its encoder.")
        }
        if let own = rows.encoder, let encoder, own != encoder {
            throw Failure(
                .encoderMismatch, "the rows come from \(own) and the model was trained on \(encoder): use its encoder.")
        }
        guard rows.velocity == nil || model.configuration.order < 2 else {
            throw Failure(
                .invalidArgument,
                "a student is matched from the model's own initial velocity: leave the tensor velocity out.")
        }
        return (0..<rows.rows).flatMap { row -> [Float] in
            var x = rows.embeddings[row * d..<(row + 1) * d].map { Double($0) }
            if let mean = model.inputMean { for i in 0..<d { x[i] -= Double(mean[i]) } }
            let norm = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return norm > 0 && norm.isFinite ? x.map { Float($0 / norm) } : []
        }
    }

    /// Half rows as they are, half mixtures of two.
    private func draw(
        _ count: Int, from rows: [Float], dimension d: Int, _ generator: inout SplitMix64
    ) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(count * d)
        func pick() -> ArraySlice<Float> {
            let row = generator.below(rows.count / d)
            return rows[row * d..<(row + 1) * d]
        }
        for i in 0..<count {
            let one = pick()
            guard !i.isMultiple(of: 2) else {
                result += one
                continue
            }
            let a = Float(generator.uniform())
            let mixture = zip(one, pick()).map { a * $0 + (1 - a) * $1 }
            let norm = mixture.reduce(0) { $0 + $1 * $1 }.squareRoot()
            result += norm > 0 ? mixture.map { $0 / norm } : Array(one)
        }
        return result
    }

    private func groups(_ layout: ParameterLayout) -> [AdamW.Group] {
        let frozen: Set<Parameter> = [.classifierWeight, .classifierBias, .mix, .logitScale, .priorScale]
        return Parameter.allCases.filter { !frozen.contains($0) && !layout[$0].isEmpty }.map {
            AdamW.Group(range: layout[$0], rate: rate, decay: 0)
        }
    }

    /// The teacher's manifest, so that what the student descends from is told, and what was done to it under `distilled`.
    private func manifest(
        _ teacher: LoadedModel, _ student: Model<Float>, _ match: Match, update: Int, rows: Int
    ) throws -> String {
        struct Note: Encodable {
            let teacher: String
            let solver: String
            let steps: Int
            let rows: Int
            let updates: Int
            let update: Int
            let seed: UInt64
            let match: Match
        }
        let note = Note(
            teacher: teacher.sha256, solver: student.configuration.solver.rawValue,
            steps: student.configuration.steps, rows: rows, updates: updates, update: update, seed: seed, match: match)
        let text = try stableJSON(note)
        let empty: [String: Any] = [:]
        let known = teacher.model.training.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) }
        var whole = known as? [String: Any] ?? empty
        do {
            whole["distilled"] = try JSONSerialization.jsonObject(with: Data(text.utf8))
            let data = try JSONSerialization.data(
                withJSONObject: whole, options: [.sortedKeys, .withoutEscapingSlashes])
            return String(decoding: data, as: UTF8.self)
        } catch {
            throw Failure(
                .internal, "the student's manifest cannot be written as JSON: please report this.", cause: "\(error)")
        }
    }
}

extension Model {
    /// The same answers at temperature 1.
    fileprivate var calibrated: Model {
        var model = self
        let temperature = configuration.temperature
        model.configuration.temperature = 1
        model.configuration.logitScale /= temperature
        model.configuration.priorScale /= temperature
        model.classifierBias = classifierBias.map { bias in bias.map { S(Double($0) / temperature) } }
        return model
    }
}

/// What a teacher says of rows.
private struct Example {
    private let engine: GradientEngine<Float>
    private let parameters: [Float]
    private let classes: Int

    init(_ teacher: Model<Float>, threads: Int?) {
        let model = teacher.calibrated
        engine = GradientEngine(model, threads: threads)
        parameters = model.parameters
        classes = model.classes.count
    }

    func callAsFunction(_ start: [Float]) -> Answers {
        let (logits, end) = engine.forward(parameters, start: start)
        return Answers(logits: logits, end: end, start: start, classes: classes)
    }
}

private struct Answers {
    /// `x*(T)`, `[n, D]`
    let end: [Float]
    /// `[n, C]`
    let probabilities: [Float]
    /// Mean of `|x*(T) - x0|²`.
    let meanSquare: Double
    private let classes: Int

    init(logits: [Float], end: [Float], start: [Float], classes: Int) {
        self.end = end
        self.classes = classes
        let rows = logits.count / classes
        probabilities = (0..<rows).flatMap { Self.softmax(logits[$0 * classes..<($0 + 1) * classes]).map { Float($0) } }
        meanSquare = Self.squares(end, start) / Double(rows)
    }

    func match(logits: [Float], end: [Float], start: [Float], scale: Double) -> Distillation.Match {
        let rows = logits.count / classes
        var (divergence, same) = (0.0, 0)
        for row in 0..<rows {
            let span = row * classes..<(row + 1) * classes
            let (own, truth) = (Self.softmax(logits[span]), probabilities[span].map { Double($0) })
            for (p, q) in zip(truth, own) where p > 0 { divergence += p * log(p / max(q, 1e-300)) }
            if Self.best(own) == Self.best(truth) { same += 1 }
        }
        return Distillation.Match(
            rows: rows, agreement: Double(same) / Double(rows), divergence: divergence / Double(rows),
            displacementError: scale * Self.squares(end, self.end) / Double(rows))
    }

    private static func softmax(_ logits: ArraySlice<Float>) -> [Double] {
        let highest = Double(logits.max() ?? 0)
        let powers = logits.map { exp(Double($0) - highest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private static func best(_ values: [Double]) -> Int? { values.indices.max { values[$0] < values[$1] } }

    private static func squares(_ x: [Float], _ y: [Float]) -> Double {
        zip(x, y).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    }
}
