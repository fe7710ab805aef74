import Dynamics
import Glibc
import Refinement

/// Head, initial velocity and field in closed form, each fitted to what is missing after the one before it.
///
/// 1. The head: zero-shot blended with a Gaussian discriminant in which prompts count as rows.
/// 2. The first correction: ridge regression on hidden units that stand at support rows, of the head's residual. At order 2
///    it becomes the initial velocity `g`, at order 1 the field.
/// 3. Order 2: the second correction, of what is missing then, on units that see rows where `g` moves them to. It becomes the
///    field `S`.
///
/// A row's residual and its move come from fits that have not seen the row (cross-fitting: the fold it stands in is left
/// out), as a fit is too good on its own rows to leave anything to correct. Everything is chosen by the likelihood of the
/// validation rows and of each support fold under fits without it; to judge a fold, all that lies below it is fitted without
/// it too, which is why fits are asked for by the folds they leave out.
///
/// Sources: Wang et al. (ICLR 2024) for blending zero-shot and discriminant; Friedman (2001) for fitting residuals; van der
/// Laan et al., Super learner (2007) for cross-fitting. The rest is our own. Deterministic: nothing is drawn.
struct CrossFit {
    private let problem: FewShotProblem
    private let options: TrainingOptions
    private let folds: SupportFolds
    private let judges: (rows: [Double], labels: [Int])
    private let prompts: ClassMoments
    private let moments: [ClassMoments]
    private var statistics: [SupportFolds.Chosen: ClassStatistics] = [:]
    private var heads: [SupportFolds.Chosen: AffineHead] = [:]
    private var inverses: [SupportFolds.Chosen: [Double]] = [:]
    private var firsts: [SupportFolds.Chosen: [LogitCorrection]] = [:]
    private var seconds: [SupportFolds.Chosen: [LogitCorrection]] = [:]
    private var blend = Blend.usual
    private var first = Choice.none
    private var second = Choice.none
    private(set) var search: [SearchPoint] = []

    /// A correction as it was chosen.
    private struct Choice {
        /// Index into `LogitCorrection.ridges`.
        var ridge: Int
        /// 0 for none.
        var size: Double
        /// Divides the logits after it.
        var temperature: Double

        static let none = Choice(ridge: 0, size: 0, temperature: 1)
    }

    private var c: Int { problem.classes }
    private var d: Int { problem.dimension }
    private var threads: Int? { problem.threads }
    private static let none: SupportFolds.Chosen = []
    /// Of the metric that hidden units see distances in.
    private static let layerShrinkage = 0.5
    /// Rows that a setting is judged by at most.
    private static let judgedRows = 2_000
    /// How many standard errors a correction must gain to be taken.
    private static let caution = 0.5

    /// - Parameter validation: rows to choose by, beside the folds.
    init(_ task: TrainingTask, options: TrainingOptions) {
        problem = FewShotProblem(
            support: task.support, prompts: task.prompts, classes: task.classes.count, threads: options.threads)
        self.options = options
        let (c, d) = (problem.classes, problem.dimension)
        folds = SupportFolds(labels: problem.labels, classes: c)
        judges = (
            task.validation?.start.map(Double.init) ?? [], task.validation?.labels.map(Int.init) ?? []
        )
        prompts = ClassMoments(
            rows: problem.prompts, labels: problem.promptLabels, classes: c, dimension: d, threads: options.threads)
        let (support, labels, threads) = (problem.support, problem.labels, options.threads)
        moments = (0..<folds.count).map { [folds] fold in
            let rows = folds.rows(in: fold)
            return ClassMoments(
                rows: Self.gather(support, rows, d), labels: rows.map { labels[$0] }, classes: c, dimension: d,
                threads: threads)
        }
    }

    /// Whether there are rows to choose by.
    var canChoose: Bool { folds.judges || !judges.labels.isEmpty }

    // MARK: fits by what they leave out

    private mutating func statistics(_ out: SupportFolds.Chosen) -> ClassStatistics {
        if let known = statistics[out] { return known }
        var sum = prompts
        for fold in 0..<folds.count where !out.contains(folds.only(fold)) { sum += moments[fold] }
        let made = ClassStatistics(sum, prototypes: problem.prototypes, dimension: d, threads: threads)
        statistics[out] = made
        return made
    }

    private mutating func head(_ out: SupportFolds.Chosen) -> AffineHead {
        if let known = heads[out] { return known }
        let made = AffineHead(statistics(out), shrinkage: blend.shrinkage, classes: c, dimension: d)
            .blended(blend, prototypes: problem.prototypes)
        heads[out] = made
        return made
    }

    /// What turns a change of logits into a move.
    private mutating func inverse(_ out: SupportFolds.Chosen) -> [Double] {
        if let known = inverses[out] { return known }
        let made = head(out).inverse(dimension: d, threads: threads)
        inverses[out] = made
        return made
    }

    /// The first correction, fitted without some folds; empty where no rows are left or it is not wanted.
    ///
    /// - Parameter all: one for each ridge; otherwise the one that was chosen.
    private mutating func firsts(_ out: SupportFolds.Chosen, all: Bool = false) -> [LogitCorrection] {
        guard firstWidth > 0, all || first.size > 0 else { return [] }
        if let known = firsts[out] { return all || known.count < 2 ? known : [known[first.ridge]] }
        let base = acrossFolds(without: out) { fits, others, rows in fits.baseLogits(others, rows) }
        let made = correction(
            rows: Self.gather(problem.support, base.rows, d), labels: base.rows.map { problem.labels[$0] },
            logits: base.values, without: out, width: firstWidth, skipping: 0, ridge: all ? nil : first.ridge)
        firsts[out] = made
        return made
    }

    /// The second correction likewise, on rows that the first has moved.
    private mutating func seconds(_ out: SupportFolds.Chosen, all: Bool = false) -> [LogitCorrection] {
        guard secondWidth > 0, all || second.size > 0 else { return [] }
        if let known = seconds[out] { return all || known.count < 2 ? known : [known[second.ridge]] }
        let base = acrossFolds(without: out) { fits, others, rows in fits.firstLogits(others, rows) }
        let moved = acrossFolds(without: out) { fits, others, rows in fits.moved(others, rows) }
        let made = correction(
            rows: moved.values, labels: base.rows.map { problem.labels[$0] }, logits: base.values, without: out,
            width: secondWidth, skipping: firstWidth, ridge: all ? nil : second.ridge)
        seconds[out] = made
        return made
    }

    /// - Parameters:
    ///   - logits: `[n, C]`, what the rows have so far.
    ///   - ridge: index of the only one to fit; nil for all.
    private mutating func correction(
        rows: [Double], labels: [Int], logits: [Double], without out: SupportFolds.Chosen, width: Int, skipping: Int,
        ridge: Int?
    ) -> [LogitCorrection] {
        guard !labels.isEmpty else { return [] }
        let layer = HiddenLayer(
            rows: rows, centres: HiddenLayer.centres(labels, classes: c, count: width, skipping: skipping),
            metric: statistics(out).metric(shrinkage: Self.layerShrinkage), activation: options.activation,
            dimension: d, threads: threads)
        return LogitCorrection.fitted(
            layer, rows: rows, residual: Self.residual(logits, labels: labels, classes: c), classes: c,
            ridges: ridge.map { [LogitCorrection.ridges[$0]] } ?? LogitCorrection.ridges, threads: threads)
    }

    // MARK: answers of fits that leave folds out

    private mutating func baseLogits(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
        head(out).logits(rows, dimension: d, threads: threads)
    }

    /// With the first correction, at its temperature.
    private mutating func firstLogits(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
        var logits = baseLogits(out, rows)
        if let correction = firsts(out).first {
            let change = correction.logits(rows, threads: threads)
            for i in logits.indices { logits[i] += first.size * change[i] }
        }
        return logits.map { $0 / first.temperature }
    }

    /// Rows where the field looks at them: moved by the initial velocity for the time the field looks ahead.
    private mutating func moved(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
        guard let correction = firsts(out).first else { return rows }
        let change = correction.logits(rows, threads: threads)
        let move = Matrices.product(
            change, inverse(out), rows: rows.count / d, inner: c, columns: d, threads: threads)
        let size = lookAhead * first.size
        return zip(rows, move).map { $0 + size * $1 }
    }

    /// Answers for every row outside `out`, each by the fit that leaves its own fold out as well.
    private mutating func acrossFolds(
        without out: SupportFolds.Chosen,
        _ answer: (inout CrossFit, SupportFolds.Chosen, [Double]) -> [Double]
    ) -> (rows: [Int], values: [Double]) {
        var parts: [(row: Int, values: ArraySlice<Double>)] = []
        for fold in 0..<folds.count where !out.contains(folds.only(fold)) {
            let rows = folds.rows(in: fold)
            let values = answer(&self, out.union(folds.only(fold)), Self.gather(problem.support, rows, d))
            let width = values.count / max(1, rows.count)
            for (i, row) in rows.enumerated() { parts.append((row, values[i * width..<(i + 1) * width])) }
        }
        parts.sort { $0.row < $1.row }
        return (parts.map(\.row), parts.flatMap(\.values))
    }

    /// Answers for the rows to choose by: validation rows by the fit on all folds, then each support row by the fit without
    /// its fold.
    private mutating func judged(
        _ answer: (inout CrossFit, SupportFolds.Chosen, [Double]) -> [Double]
    ) -> [Double] {
        let own = judges.labels.isEmpty ? [] : answer(&self, Self.none, judges.rows)
        return own + (folds.judges ? acrossFolds(without: Self.none, answer).values : [])
    }

    private var judgedLabels: [Int] { judges.labels + (folds.judges ? problem.labels : []) }

    // MARK: choosing

    /// Chooses and fits everything.
    mutating func run(progress: (_ step: Int) -> Void) {
        guard canChoose else { return }
        chooseBlend()
        progress(1)
        if firstWidth > 0 {
            first = choose("first", from: judged { $0.baseLogits($1, $2) }) { fits, out, rows in
                fits.firsts(out, all: true).map { $0.logits(rows, threads: fits.threads) }
            }
        }
        progress(2)
        if secondWidth > 0 {
            let logits = judged { $0.firstLogits($1, $2) }
            let own = choose("second", from: logits) { fits, out, rows in
                let moved = fits.moved(out, rows)
                return fits.seconds(out, all: true).map { $0.logits(moved, threads: fits.threads) }
            }
            second = own
        }
        progress(3)
    }

    private mutating func chooseBlend() {
        let labels = judgedLabels
        let kept = sample(labels.count)
        let prototypes = AffineHead(weight: problem.prototypes.map { 10 * $0 }, bias: [Double](repeating: 0, count: c))
        let zeroShot = judged { prototypes.logits($2, dimension: $0.d, threads: $0.threads) }
        var best = Double.infinity
        for shrinkage in Blend.shrinkages {
            let gaussian = judged { fits, out, rows in
                AffineHead(fits.statistics(out), shrinkage: shrinkage, classes: fits.c, dimension: fits.d)
                    .logits(rows, dimension: fits.d, threads: fits.threads)
            }
            let scores = scores(Blend.shares.count, labels: labels, kept: kept) { index, i in
                let share = Blend.shares[index]
                return (zeroShot[i] + 0.1 * share * gaussian[i]) / (1 + share)
            }
            for (share, score) in zip(Blend.shares, scores) {
                search.append(
                    SearchPoint(step: "head", settings: ["shrinkage": shrinkage, "share": share], nll: score.nll))
                guard score.nll < best else { continue }
                best = score.nll
                blend = Blend(shrinkage: shrinkage, share: share, temperature: score.temperature)
            }
        }
    }

    /// - Parameters:
    ///   - logits: of the rows to choose by, so far.
    ///   - change: what the correction adds, for each ridge.
    private mutating func choose(
        _ step: String, from logits: [Double],
        _ change: (inout CrossFit, SupportFolds.Chosen, [Double]) -> [[Double]]
    ) -> Choice {
        let labels = judgedLabels
        let kept = sample(labels.count)
        // The five changes of a row side by side, so that rows can be put in order.
        let ridges = LogitCorrection.ridges.count
        let changes = judged { fits, out, rows in
            let all = change(&fits, out, rows)
            guard all.count == ridges else {
                return [Double](repeating: 0, count: rows.count / fits.d * ridges * fits.c)
            }
            return (0..<rows.count / fits.d).flatMap { row in
                all.flatMap { $0[row * fits.c..<(row + 1) * fits.c] }
            }
        }
        let c = c
        let without = scores(1, labels: labels, kept: kept) { logits[$1] }[0]
        var best = (Choice(ridge: 0, size: 0, temperature: without.temperature), nll: without.nll)
        let sizes = LogitCorrection.sizes
        let scores = scores(ridges * sizes.count, labels: labels, kept: kept) { index, i in
            let (row, k) = (i / c, i % c)
            return logits[i] + sizes[index % sizes.count] * changes[(row * ridges + index / sizes.count) * c + k]
        }
        for (index, score) in scores.enumerated() {
            let (ridge, size) = (index / sizes.count, sizes[index % sizes.count])
            search.append(
                SearchPoint(
                    step: step, settings: ["ridge": LogitCorrection.ridges[ridge], "size": size], nll: score.nll))
            guard score.nll < best.nll else { continue }
            best = (Choice(ridge: ridge, size: size, temperature: score.temperature), score.nll)
        }
        guard best.0.size > 0 else { return best.0 }
        let gains = kept.map { row in
            let range = row * c..<(row + 1) * c
            let before = range.map { logits[$0] / without.temperature }
            let after = range.enumerated().map { k, i in
                (logits[i] + best.0.size * changes[(row * ridges + best.0.ridge) * c + k]) / best.0.temperature
            }
            return Self.loss(before, labels[row]) - Self.loss(after, labels[row])
        }
        let mean = gains.reduce(0, +) / Double(gains.count)
        let variance = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, gains.count - 1))
        guard mean > Self.caution * (variance / Double(gains.count)).squareRoot() else {
            return Choice(ridge: 0, size: 0, temperature: without.temperature)
        }
        return best.0
    }

    /// Scores of several settings, side by side on all threads.
    private func scores(
        _ settings: Int, labels: [Int], kept: [Int], _ logit: (_ setting: Int, _ index: Int) -> Double
    ) -> [ValidationScore] {
        let keptLabels = kept.map { Int32(labels[$0]) }
        let empty = ValidationScore(rows: 0, accuracy: 0, nll: .infinity, temperature: 1)
        var scores = [ValidationScore](repeating: empty, count: settings)
        scores.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            DisjointRows(settings, tile: 1, threads: threads).forEachTile(scratch: { 0 }) { range, _ in
                for setting in range {
                    let logits = kept.flatMap { row in (row * c..<(row + 1) * c).map { Float(logit(setting, $0)) } }
                    base[setting] = Calibration.score(logits: logits, labels: keptLabels, classes: c)
                }
            }
        }
        return scores
    }

    private func sample(_ count: Int) -> [Int] {
        Array(stride(from: 0, to: count, by: max(1, (count + Self.judgedRows - 1) / Self.judgedRows)))
    }

    // MARK: the model

    /// Which of the layers is which, by order.
    private var firstWidth: Int {
        options.order == 2 ? options.velocityHidden : options.order == 1 ? options.hidden : 0
    }
    private var secondWidth: Int { options.order == 2 ? options.hidden : 0 }

    /// A field that reads the velocity looks ahead to where it leads in the whole time; one that does not sees what a row has
    /// gone through when an impulse is worth most: a third of it (`∫ t (T - t) dt / ∫ (T - t) dt = T / 3`).
    private var lookAhead: Double { options.solver.isNystrom ? 1.0 / 3 : 1 }

    /// Whether a row is moved at all.
    var moves: Bool { first.size > 0 || second.size > 0 }

    /// The model, with its temperature; of order 0 where nothing moves.
    mutating func model(_ task: TrainingTask) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: d, hidden: 0)
        configuration.order = moves ? options.order : 0
        configuration.activation = options.activation
        configuration.solver = options.solver
        configuration.steps = options.steps
        configuration.horizon = options.horizon
        configuration.mix = options.mix
        configuration.classifier = .affine
        configuration.encoder = task.encoder
        let head = head(Self.none)
        var model = Model<Float>(
            configuration: configuration, classes: task.classes,
            classifierWeight: head.weight.map { Float($0 / first.temperature) })
        model.classifierBias = head.bias.map { Float($0 / first.temperature) }
        model.configuration.temperature = second.temperature
        guard moves else { return model }

        let accelerated = options.order == 1 ? firsts(Self.none).first : seconds(Self.none).first
        let size = options.order == 1 ? first.size : second.size * first.temperature
        model.field = field(accelerated, size: size)
        model.configuration.hidden = model.field.bias.count
        if options.order == 2, let correction = firsts(Self.none).first {
            var network = VelocityNetwork<Float>()
            network.inputWeight = correction.layer.weight
            network.inputBias = correction.layer.bias
            network.outputWeight = output(correction, size: first.size / (options.horizon * options.mix))
            network.outputBias = [Float](repeating: 0, count: d)
            model.velocity = network
        }
        return model
    }

    /// A field of one idle unit where there is no correction.
    private mutating func field(_ correction: LogitCorrection?, size: Double) -> FieldWeights<Float> {
        var field = FieldWeights<Float>()
        field.outputBias = [Float](repeating: 0, count: d)
        guard let correction else {
            field.positionWeight = [Float](repeating: 0, count: d)
            field.velocityWeight = options.order == 2 ? field.positionWeight : []
            (field.timeWeight, field.bias, field.outputWeight) = ([0], [0], [Float](repeating: 0, count: d))
            return field
        }
        field.positionWeight = correction.layer.weight
        if options.order == 2 {
            // The stages see the velocity's third already.
            let ahead = options.solver.isNystrom ? 0 : Float(options.horizon * (lookAhead - 1.0 / 3))
            field.velocityWeight = correction.layer.weight.map { ahead * $0 }
        }
        field.timeWeight = [Float](repeating: 0, count: correction.layer.width)
        field.bias = correction.layer.bias
        field.outputWeight = output(correction, size: size / (response * options.mix))
        return field
    }

    /// The move that a constant slope of 1 makes: at order 1 `T`, at order 2 `T² / 2` to the solver's order.
    private var response: Double {
        guard options.order == 2 else { return options.horizon }
        var configuration = ModelConfiguration(dimension: 1, hidden: 1)
        configuration.solver = options.solver
        configuration.steps = options.steps
        configuration.horizon = options.horizon
        var model = Model<Double>(configuration: configuration, classes: ["any"], classifierWeight: [1])
        model.field.positionWeight = [0]
        model.field.velocityWeight = [0]
        (model.field.timeWeight, model.field.bias, model.field.outputWeight) = ([0], [0], [0])
        model.field.outputBias = [1]
        return GradientEngine(model, threads: 1).forward(model.parameters, start: [0]).end[0]
    }

    /// `[D, H]`: what turns `act(...)` into the move that changes the logits as the correction says, times `size`.
    private mutating func output(_ correction: LogitCorrection, size: Double) -> [Float] {
        let h = correction.layer.width
        let move = Matrices.product(
            correction.readout, inverse(Self.none), rows: h, inner: c, columns: d, threads: threads)
        let factor = size / Double(correction.layer.scale)
        return Matrices.transposed(move, rows: h, columns: d).map { Float(factor * $0) }
    }

    /// How the whole does on the rows to choose by; support rows by fits without their fold.
    mutating func score() -> ValidationScore {
        var logits = judged { fits, out, rows in
            var logits = fits.firstLogits(out, rows)
            let moved = fits.moved(out, rows)
            if let change = fits.seconds(out).first?.logits(moved, threads: fits.threads) {
                for i in logits.indices { logits[i] += fits.second.size * change[i] }
            }
            return logits
        }
        for i in logits.indices { logits[i] /= second.temperature }
        return Calibration.score(
            logits: logits.map(Float.init), labels: judgedLabels.map(Int32.init), classes: c)
    }

    private static func gather(_ values: [Double], _ rows: [Int], _ d: Int) -> [Double] {
        rows.flatMap { values[$0 * d..<($0 + 1) * d] }
    }

    /// `onehot - softmax(logits)`, `[n, C]`.
    private static func residual(_ logits: [Double], labels: [Int], classes c: Int) -> [Double] {
        var result = logits
        for (row, label) in labels.enumerated() {
            let range = row * c..<(row + 1) * c
            let highest = logits[range].max() ?? 0
            var sum = 0.0
            for i in range {
                result[i] = exp(logits[i] - highest)
                sum += result[i]
            }
            for i in range { result[i] = (i - row * c == label ? 1 : 0) - result[i] / sum }
        }
        return result
    }

    /// Negative log-likelihood of a label.
    private static func loss(_ logits: [Double], _ label: Int) -> Double {
        let highest = logits.max() ?? 0
        return log(logits.reduce(0) { $0 + exp($1 - highest) }) + highest - logits[label]
    }
}
