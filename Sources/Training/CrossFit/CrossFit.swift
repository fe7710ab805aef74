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
    let problem: FewShotProblem
    let options: TrainingOptions
    private let folds: SupportFolds
    private let judges: (rows: [Double], labels: [Int])
    private let prompts: ClassMoments
    private let moments: [ClassMoments]
    private var statistics: [SupportFolds.Chosen: ClassStatistics] = [:]
    private var heads: [SupportFolds.Chosen: AffineHead] = [:]
    private var inverses: [SupportFolds.Chosen: [Double]] = [:]
    private var firsts: [SupportFolds.Chosen: [LogitCorrection]] = [:]
    private var seconds: [SupportFolds.Chosen: [LogitCorrection]] = [:]
    var blend = Blend.usual
    var first = Choice.none
    var second = Choice.none
    var search: [SearchPoint] = []

    /// A correction as it was chosen.
    struct Choice {
        /// Index into `LogitCorrection.ridges`.
        var ridge: Int
        /// 0 for none.
        var size: Double
        /// Divides the logits after it.
        var temperature: Double

        static let none = Choice(ridge: 0, size: 0, temperature: 1)
    }

    var c: Int { problem.classes }
    var d: Int { problem.dimension }
    var threads: Int? { problem.threads }
    static let none: SupportFolds.Chosen = []
    /// Of the metric that hidden units see distances in.
    private static let layerShrinkage = 0.5

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

    mutating func statistics(_ out: SupportFolds.Chosen) -> ClassStatistics {
        if let known = statistics[out] { return known }
        var sum = prompts
        for fold in 0..<folds.count where !out.contains(folds.only(fold)) { sum += moments[fold] }
        let made = ClassStatistics(sum, prototypes: problem.prototypes, dimension: d, threads: threads)
        statistics[out] = made
        return made
    }

    mutating func head(_ out: SupportFolds.Chosen) -> AffineHead {
        if let known = heads[out] { return known }
        let made = AffineHead(statistics(out), shrinkage: blend.shrinkage, classes: c, dimension: d)
            .blended(blend, prototypes: problem.prototypes)
        heads[out] = made
        return made
    }

    /// What turns a change of logits into a move.
    mutating func inverse(_ out: SupportFolds.Chosen) -> [Double] {
        if let known = inverses[out] { return known }
        let made = head(out).inverse(dimension: d, threads: threads)
        inverses[out] = made
        return made
    }

    /// The first correction, fitted without some folds; empty where no rows are left or it is not wanted.
    ///
    /// - Parameter all: one for each ridge; otherwise the one that was chosen.
    mutating func firsts(_ out: SupportFolds.Chosen, all: Bool = false) -> [LogitCorrection] {
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
    mutating func seconds(_ out: SupportFolds.Chosen, all: Bool = false) -> [LogitCorrection] {
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

    mutating func baseLogits(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
        head(out).logits(rows, dimension: d, threads: threads)
    }

    /// With the first correction, at its temperature.
    mutating func firstLogits(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
        var logits = baseLogits(out, rows)
        if let correction = firsts(out).first {
            let change = correction.logits(rows, threads: threads)
            for i in logits.indices { logits[i] += first.size * change[i] }
        }
        return logits.map { $0 / first.temperature }
    }

    /// Rows where the field looks at them: moved by the initial velocity for the time the field looks ahead.
    mutating func moved(_ out: SupportFolds.Chosen, _ rows: [Double]) -> [Double] {
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
    mutating func judged(
        _ answer: (inout CrossFit, SupportFolds.Chosen, [Double]) -> [Double]
    ) -> [Double] {
        let own = judges.labels.isEmpty ? [] : answer(&self, Self.none, judges.rows)
        return own + (folds.judges ? acrossFolds(without: Self.none, answer).values : [])
    }

    var judgedLabels: [Int] { judges.labels + (folds.judges ? problem.labels : []) }

    // MARK: what the order asks for

    /// Which of the layers is which, by order.
    var firstWidth: Int {
        options.order == 2 ? options.velocityHidden : options.order == 1 ? options.hidden : 0
    }
    var secondWidth: Int { options.order == 2 ? options.hidden : 0 }

    /// A field that reads the velocity looks ahead to where it leads in the whole time; one that does not sees what a row has
    /// gone through when an impulse is worth most: a third of it (`∫ t (T - t) dt / ∫ (T - t) dt = T / 3`).
    var lookAhead: Double { options.solver.isNystrom ? 1.0 / 3 : 1 }

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
}
