import Foundation
import Training

/// A linear probe whose class weights are blends of text and rows, with steps that follow from the data:
///
///     logits_k = x · (w_k + α_k p_k)
///
/// `w` starts at the class means (0 for a class without rows) and takes steps of 4 N / λmax(Xᵀ X) with momentum 0.9; `α`
/// starts at 250 / shots times the mean cosine of class mean and prototype, and takes a step of
/// N / (4 max_k Σ_r (x_r · p_k)²) every tenth epoch. The epoch is chosen.
///
/// Source: Huang et al., LP++ (CVPR 2024). Cost: 2 N C D multiplications an epoch.
enum LPPlusPlus {
    private static let epochs = 320

    static var method: BaselineMethod {
        let grid = GradientRun.looks(epochs, BaselineMethod.trials).map { ["epoch": $0] }
        return BaselineMethod(grid: grid, usual: ["epoch": Double(epochs)]) { problem, settings, visit in
            let run = Run(problem)
            run.descend(epochs: settings.map { Int($0["epoch", default: 1]) }) { epoch, head in
                visit(["epoch": Double(epoch)], head)
            }
        }
    }

    /// What stays the same from epoch to epoch.
    private struct Run {
        let problem: FewShotProblem
        /// `[D, N]`
        let columns: [Double]
        /// `x · p`, `[C, N]`
        let cosines: [Double]

        private var c: Int { problem.classes }
        private var d: Int { problem.dimension }
        private var n: Int { problem.labels.count }

        init(_ problem: FewShotProblem) {
            self.problem = problem
            let (d, n) = (problem.dimension, problem.labels.count)
            columns = Matrices.transposed(problem.support, rows: n, columns: d)
            cosines = Matrices.product(
                problem.prototypes, columns, rows: problem.classes, inner: d, columns: n, threads: problem.threads)
        }

        func descend(epochs: [Int], _ visit: (Int, BaselineHead) -> Void) {
            var weight = means
            var alpha = [Double](repeating: startingBlend, count: c)
            var velocity = [Double](repeating: 0, count: c * d)
            let step = 4 * Double(n) / largestEigenvalue
            let energies: [Double] = (0..<c).map { k in
                cosines[k * n..<(k + 1) * n].reduce(0.0) { $0 + $1 * $1 }
            }
            let energy = energies.max() ?? 0
            let blendStep = energy > 0 ? Double(n) / (4 * energy) : 0
            for epoch in 1...max(1, epochs.max() ?? 1) {
                let residual = residual(weight, alpha)
                let gradient = Matrices.product(
                    residual, problem.support, rows: c, inner: n, columns: d, threads: problem.threads)
                for i in weight.indices {
                    velocity[i] = 0.9 * velocity[i] + gradient[i]
                    weight[i] -= step * velocity[i]
                }
                if epoch.isMultiple(of: 10) {
                    for k in 0..<c {
                        let slope = (k * n..<(k + 1) * n).reduce(0.0) { $0 + residual[$1] * cosines[$1] }
                        alpha[k] -= blendStep * slope
                    }
                }
                guard epochs.contains(epoch) else { continue }
                let blended = weight.indices.map { weight[$0] + alpha[$0 / d] * problem.prototypes[$0] }
                visit(epoch, .linear(weight: blended, classes: c, dimension: d))
            }
        }

        private var means: [Double] {
            var sums = [Double](repeating: 0, count: c * d)
            var counts = [Double](repeating: 0, count: c)
            for (row, label) in problem.labels.enumerated() {
                counts[label] += 1
                for j in 0..<d { sums[label * d + j] += problem.support[row * d + j] }
            }
            for i in sums.indices where counts[i / d] > 0 { sums[i] /= counts[i / d] }
            return sums
        }

        /// Shots are the mean rows of the classes that have any.
        private var startingBlend: Double {
            let means = means
            let present = Set(problem.labels).sorted()
            let cosines: [Double] = present.map { k in
                (k * d..<(k + 1) * d).reduce(0.0) { $0 + means[$1] * problem.prototypes[$1] }
            }
            let shots = Double(n) / Double(present.count)
            return 250 / shots * cosines.reduce(0, +) / Double(present.count)
        }

        /// Of `Xᵀ X`, by power iteration.
        private var largestEigenvalue: Double {
            var v = [Double](repeating: 1 / Double(d).squareRoot(), count: d)
            var value = 1.0
            for _ in 0..<100 {
                let image = Matrices.product(
                    problem.support, v, rows: n, inner: d, columns: 1, threads: problem.threads)
                v = Matrices.product(columns, image, rows: d, inner: n, columns: 1, threads: problem.threads)
                value = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard value > 0 else { return 1 }
                for i in v.indices { v[i] /= value }
            }
            return value
        }

        /// `(softmax - onehot) / N`, `[C, N]`.
        private func residual(_ weight: [Double], _ alpha: [Double]) -> [Double] {
            var z = Matrices.product(weight, columns, rows: c, inner: d, columns: n, threads: problem.threads)
            for i in z.indices { z[i] += alpha[i / n] * cosines[i] }
            for r in 0..<n {
                var highest = -Double.infinity
                for k in 0..<c { highest = max(highest, z[k * n + r]) }
                var sum = 0.0
                for k in 0..<c {
                    z[k * n + r] = exp(z[k * n + r] - highest)
                    sum += z[k * n + r]
                }
                for k in 0..<c { z[k * n + r] /= sum * Double(n) }
                z[problem.labels[r] * n + r] -= 1 / Double(n)
            }
            return z
        }
    }
}
