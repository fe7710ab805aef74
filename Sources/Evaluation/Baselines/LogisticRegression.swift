import Dynamics
import Foundation
import Training

/// Multinomial logistic regression that is drawn to a given start:
///
///     min over W, b:  Σ_r w_r CE(x_r Wᵀ + b, label_r) + λ/2 |W - A|²        b free, or 0
///
/// Cost: 2 n C D multiplications a step, some ten steps to a λ along a path of them.
struct LogisticRegression {
    private let problem: FewShotProblem
    /// `[n, D]`, and the same as `[D, n]`: then every product has its rows for classes and runs along memory.
    private let rows: [Double]
    private let columns: [Double]
    private let labels: [Int]
    /// `w`, `[n]`
    private let weights: [Double]
    /// `A`, `[C, D]`
    private let anchor: [Double]
    private let hasBias: Bool

    private var c: Int { problem.classes }
    private var d: Int { problem.dimension }
    private var n: Int { labels.count }

    private init(
        _ problem: FewShotProblem, rows: [Double], labels: [Int], weights: [Double], anchor: [Double], hasBias: Bool
    ) {
        self.problem = problem
        self.rows = rows
        columns = Matrices.transposed(rows, rows: labels.count, columns: problem.dimension)
        self.labels = labels
        self.weights = weights
        self.anchor = anchor
        self.hasBias = hasBias
    }

    /// The cost, and its gradient by `parameters`: `W` `[C, D]`, then `b` `[C]` if there is one.
    private func cost(_ parameters: [Double], pull: Double, _ gradient: inout [Double]) -> Double {
        // Logits, then their gradients, [C, n].
        var z = Matrices.product(parameters, columns, rows: c, inner: d, columns: n, threads: problem.threads)
        if hasBias {
            for k in 0..<c {
                for r in k * n..<(k + 1) * n { z[r] += parameters[c * d + k] }
            }
        }
        var losses = [Double](repeating: 0, count: n)
        z.withUnsafeMutableBufferPointer { z in
            losses.withUnsafeMutableBufferPointer { losses in
                DisjointRows(n, threads: problem.threads).forEachTile(scratch: { 0 }) { range, _ in
                    for r in range { losses[r] = softmax(z, row: r) }
                }
            }
        }
        gradient = Matrices.product(z, rows, rows: c, inner: n, columns: d, threads: problem.threads)
        var sum = losses.reduce(0, +)
        for i in anchor.indices {
            let distance = parameters[i] - anchor[i]
            sum += 0.5 * pull * distance * distance
            gradient[i] += pull * distance
        }
        if hasBias {
            for k in 0..<c { gradient.append(z[k * n..<(k + 1) * n].reduce(0, +)) }
        }
        return sum
    }

    /// Turns the logits of a row, column `r` of `[C, n]`, into `w (softmax - onehot)`; returns `w CE`.
    private func softmax(_ z: UnsafeMutableBufferPointer<Double>, row r: Int) -> Double {
        var highest = -Double.infinity
        for k in 0..<c { highest = max(highest, z[k * n + r]) }
        let own = z[labels[r] * n + r] - highest
        var sum = 0.0
        for k in 0..<c {
            z[k * n + r] = exp(z[k * n + r] - highest)
            sum += z[k * n + r]
        }
        for k in 0..<c { z[k * n + r] *= weights[r] / sum }
        z[labels[r] * n + r] -= weights[r]
        return weights[r] * (log(sum) - own)
    }

    /// Solves for each λ, from the solution before it; the first starts at `A`.
    private func path(
        _ settings: [BaselineMethod.Settings], pull: (BaselineMethod.Settings) -> Double,
        _ visit: (BaselineMethod.Settings, BaselineHead) -> Void
    ) {
        var parameters = anchor + [Double](repeating: 0, count: hasBias ? c : 0)
        var gradient = parameters
        _ = cost(parameters, pull: 0, &gradient)
        let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let optimiser = LBFGS(tolerance: Self.precision * size)
        for setting in settings {
            let pull = pull(setting)
            optimiser.minimise(&parameters) { cost($0, pull: pull, &$1) }
            visit(
                setting,
                .linear(
                    weight: Array(parameters[..<(c * d)]), bias: Array(parameters[(c * d)...]), classes: c,
                    dimension: d))
        }
    }

    /// Of a solution: the length of its gradient relative to that at the start.
    private static let precision = 1e-5
}

extension LogisticRegression {
    /// Support rows alone, from zero; `c` is scikit-learn's C: λ = 1 / (C N).
    ///
    /// Source: Radford et al., Learning transferable visual models from natural language supervision (ICML 2021), 3.2.
    static var linearProbe: BaselineMethod {
        let grid = BaselineMethod.grid(["c": BaselineMethod.geometric(1e-2, 1e3, BaselineMethod.trials)])
        return BaselineMethod(grid: grid, usual: ["c": 10]) { problem, settings, visit in
            let n = problem.labels.count
            let regression = LogisticRegression(
                problem, rows: problem.support, labels: problem.labels,
                weights: [Double](repeating: 1 / Double(n), count: n),
                anchor: [Double](repeating: 0, count: problem.classes * problem.dimension), hasBias: true)
            regression.path(settings, pull: { 1 / ($0["c", default: 1] * Double(n)) }, visit)
        }
    }

    /// Support rows and prompts, each kind with half of the loss, from `s P` and drawn back to it: the pull λ does what
    /// stopping early does, and has one answer. `s` is the scale of either trial of the standard recipe.
    ///
    /// Source: Lin et al., Multimodality helps unimodality (CVPR 2023); the pull is Silva-Rodríguez et al.'s
    /// (CVPR 2024).
    static var crossModal: BaselineMethod {
        let scales = [10.0, 25]
        let grid = BaselineMethod.grid([
            "scale": scales, "pull": BaselineMethod.geometric(1e-1, 1e-5, BaselineMethod.trials / 2),
        ])
        return BaselineMethod(grid: grid, usual: ["pull": 1e-3, "scale": 10]) { problem, settings, visit in
            let (n, m) = (problem.labels.count, problem.promptLabels.count)
            for scale in scales {
                let own = settings.filter { $0["scale"] == scale }
                guard !own.isEmpty else { continue }
                let regression = LogisticRegression(
                    problem, rows: problem.support + problem.prompts, labels: problem.labels + problem.promptLabels,
                    weights: [Double](repeating: 0.5 / Double(n), count: n)
                        + [Double](repeating: 0.5 / Double(m), count: m),
                    anchor: problem.prototypes.map { scale * $0 }, hasBias: false)
                regression.path(own, pull: { $0["pull", default: 1e-3] }, visit)
            }
        }
    }
}
