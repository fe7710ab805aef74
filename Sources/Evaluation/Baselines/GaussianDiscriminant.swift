import Dynamics
import Training

/// Zero-shot and Gaussian discriminant analysis with one covariance for all classes:
///
///     logits = (100 x Pᵀ + α (x Wᵀ + b)) / (1 + α)        W = μ Σ⁻¹        b = -½ diag(μ Wᵀ)
///
/// `μ` `[C, D]` are the class means; a class without rows has its prototype for a mean. `S` is the scatter of the n rows
/// around their means. Classes are equally likely. Dividing by 1 + α changes no answer and keeps the temperature within bounds.
///
/// Source: Wang et al., A hard-to-beat baseline for training-free CLIP-based adaptation (ICLR 2024), section 3.
/// Cost: n D² and D³/6 multiplications to fit.
struct GaussianDiscriminant {
    private let classes: Int
    private let dimension: Int
    private let rows: Int
    /// `μ`, `[C, D]`
    private let means: [Double]
    /// `S`, `[D, D]`
    private let scatter: [Double]

    private var trace: Double { (0..<dimension).reduce(0) { $0 + scatter[$1 * dimension + $1] } }

    /// - Parameter withPrompts: whether prompts count as rows.
    init(_ problem: FewShotProblem, withPrompts: Bool) {
        let (c, d) = (problem.classes, problem.dimension)
        let labels = problem.labels + (withPrompts ? problem.promptLabels : [])
        var centred = problem.support + (withPrompts ? problem.prompts : [])
        var means = [Double](repeating: 0, count: c * d)
        var counts = [Int](repeating: 0, count: c)
        for (row, label) in labels.enumerated() {
            counts[label] += 1
            for j in 0..<d { means[label * d + j] += centred[row * d + j] }
        }
        for label in 0..<c {
            for j in label * d..<(label + 1) * d {
                means[j] = counts[label] > 0 ? means[j] / Double(counts[label]) : problem.prototypes[j]
            }
        }
        for (row, label) in labels.enumerated() {
            for j in 0..<d { centred[row * d + j] -= means[label * d + j] }
        }
        (classes, dimension, rows) = (c, d, labels.count)
        self.means = means
        scatter = Matrices.product(
            Matrices.transposed(centred, rows: labels.count, columns: d), centred, rows: d, inner: labels.count,
            columns: d, threads: problem.threads)
    }

    /// The published estimate, `Σ = (S + tr(S) / (n - 1) I) / D`; `I / D` where every class has one row and `S` is 0.
    private var published: [Double] {
        let ridge = rows > 1 ? trace / Double(rows - 1) : 0
        return covariance(factor: 1, ridge: ridge).map { $0 / Double(dimension) }
    }

    /// `Σ = (1 - ρ) Σ' + ρ tr(Σ') / D I` with `Σ' = S / n`; `I / D` where `S` is 0.
    private func shrunk(_ share: Double) -> [Double] {
        covariance(
            factor: (1 - share) / Double(rows), ridge: share * trace / Double(rows) / Double(dimension))
    }

    private func covariance(factor: Double, ridge: Double) -> [Double] {
        var result = scatter.map { $0 * factor }
        for i in 0..<dimension { result[i * dimension + i] += ridge > 0 ? ridge : 1 }
        return result
    }

    /// `W` and `b` for a covariance; those of the identity if it is not positive definite.
    private func discriminant(_ covariance: [Double]) -> (weight: [Double], bias: [Double]) {
        let d = dimension
        let weight = Cholesky(covariance, size: d)?.solve(means) ?? means
        let bias = (0..<classes).map { label in
            -0.5 * (label * d..<(label + 1) * d).reduce(0) { $0 + means[$1] * weight[$1] }
        }
        return (weight, bias)
    }

    private static func visit(
        _ problem: FewShotProblem, _ settings: [BaselineMethod.Settings],
        _ discriminant: (BaselineMethod.Settings) -> (weight: [Double], bias: [Double]),
        _ visit: (BaselineMethod.Settings, BaselineHead) -> Void
    ) {
        for setting in settings {
            let (weight, bias) = discriminant(setting)
            let alpha = setting["alpha", default: 1]
            let (text, rows) = (1 / (1 + alpha), alpha / (1 + alpha))
            visit(
                setting,
                .linear(
                    weight: zip(problem.zeroShotWeight, weight).map { text * $0 + rows * $1 },
                    bias: bias.map { rows * $0 }, classes: problem.classes, dimension: problem.dimension))
        }
    }

    /// The published covariance on support rows; α is chosen.
    static var plain: BaselineMethod {
        let grid = BaselineMethod.grid(["alpha": BaselineMethod.geometric(1e-4, 1e2, BaselineMethod.trials)])
        return BaselineMethod(grid: grid, usual: ["alpha": 0.1], calibrationScale: 10) { problem, settings, visit in
            let gaussian = GaussianDiscriminant(problem, withPrompts: false)
            let discriminant = gaussian.discriminant(gaussian.published)
            Self.visit(problem, settings, { _ in discriminant }, visit)
        }
    }

    /// Prompts counted as rows; α and the shrinkage ρ are chosen.
    static var withPrompts: BaselineMethod {
        let grid = BaselineMethod.grid([
            "shrinkage": [0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95],
            "alpha": BaselineMethod.geometric(1e-3, 1e2, 8),
        ])
        return BaselineMethod(grid: grid, usual: ["alpha": 0.1, "shrinkage": 0.5], calibrationScale: 10) {
            problem, settings, visit in
            let gaussian = GaussianDiscriminant(problem, withPrompts: true)
            var last: (share: Double, discriminant: (weight: [Double], bias: [Double]))?
            Self.visit(
                problem, settings,
                { setting in
                    let share = setting["shrinkage", default: 0.5]
                    if let last, last.share == share { return last.discriminant }
                    let discriminant = gaussian.discriminant(gaussian.shrunk(share))
                    last = (share, discriminant)
                    return discriminant
                }, visit)
        }
    }
}
