import Dynamics
import Refinement
import Training

/// A bottleneck of two layers blended with the row, before zero-shot:
///
///     logits = 100 normalise(r a(x) + (1 - r) x) · Pᵀ        a(x) = relu(W2 relu(W1 x))        W1 [D/4, D], W2 [D, D/4]
///
/// Weights start uniform within 1 / √inputs. The blend r is the published 0.2, or 0.6.
///
/// Source: Gao et al., CLIP-Adapter (IJCV 2023). Cost: 3 N D²/2 multiplications an epoch.
enum ClipAdapter {
    private static let epochs = 600
    private static let scale = Float(FewShotProblem.zeroShotScale)

    static var method: BaselineMethod {
        let grid = BaselineMethod.grid([
            "blend": [0.2, 0.6], "epoch": GradientRun.looks(epochs, BaselineMethod.trials / 2),
        ])
        return BaselineMethod(grid: grid, usual: ["blend": 0.2, "epoch": 150], calibrationScale: 10) {
            problem, settings, visit in
            let task = Task(problem)
            for run in GradientRun.byRun(settings) {
                let blend = Float(run.settings["blend", default: 0.2])
                let training = GradientRun(
                    epochs: epochs, groups: [AdamW.Group(range: 0..<2 * task.h * task.d, rate: 1e-3, decay: 0)]
                ) { task.gradient($0, blend: blend) }
                training.run(from: task.start, looks: run.looks) { epoch, parameters in
                    var settings = run.settings
                    settings["epoch"] = Double(epoch)
                    visit(settings, task.head(parameters, blend: blend))
                }
            }
        }
    }

    /// The rows, and the shapes that follow from them. Parameters are `W1`, then `W2`.
    private struct Task {
        let problem: FewShotProblem
        let rows: [Float]
        let prototypes: [Float]
        let prototypeColumns: [Float]

        var c: Int { problem.classes }
        var d: Int { problem.dimension }
        var h: Int { max(1, d / 4) }
        var n: Int { problem.labels.count }

        init(_ problem: FewShotProblem) {
            self.problem = problem
            rows = problem.support.map(Float.init)
            prototypes = problem.prototypes.map(Float.init)
            prototypeColumns = Matrices.transposed(prototypes, rows: problem.classes, columns: problem.dimension)
        }

        var start: [Float] {
            var generator = SplitMix64(seed: 1)
            func uniform(_ count: Int, within bound: Double) -> [Float] {
                (0..<count).map { _ in Float((2 * generator.uniform() - 1) * bound) }
            }
            let first = uniform(h * d, within: 1 / Double(d).squareRoot())
            return first + uniform(d * h, within: 1 / Double(h).squareRoot())
        }

        private func product(_ a: [Float], _ b: [Float], _ rows: Int, _ inner: Int, _ columns: Int) -> [Float] {
            Matrices.product(a, b, rows: rows, inner: inner, columns: columns, threads: problem.threads)
        }

        func gradient(_ parameters: [Float], blend: Float) -> [Float] {
            let (first, second) = (Array(parameters[..<(h * d)]), Array(parameters[(h * d)...]))
            let hidden = product(rows, Matrices.transposed(first, rows: h, columns: d), n, d, h).map { max(0, $0) }
            let adapted = product(hidden, Matrices.transposed(second, rows: d, columns: h), n, h, d).map { max(0, $0) }
            var y = zip(adapted, rows).map { blend * $0 + (1 - blend) * $1 }
            let norms = UnitRows.normalise(&y, dimension: d)
            var z = product(y, prototypeColumns, n, d, c).map { scale * $0 }
            GradientRun.crossEntropy(&z, labels: problem.labels, classes: c)
            var slope = product(z, prototypes, n, c, d).map { scale * $0 }
            UnitRows.pullBack(&slope, unit: y, norms: norms, dimension: d)
            for i in slope.indices { slope[i] = adapted[i] > 0 ? blend * slope[i] : 0 }
            var inner = product(slope, second, n, d, h)
            for i in inner.indices where hidden[i] <= 0 { inner[i] = 0 }
            return product(Matrices.transposed(inner, rows: n, columns: h), rows, h, n, d)
                + product(Matrices.transposed(slope, rows: n, columns: d), hidden, d, n, h)
        }

        func head(_ parameters: [Float], blend: Float) -> BaselineHead {
            let (c, d, h) = (c, d, h)
            let first = PackedMatrix(Array(parameters[..<(h * d)]), outputs: h, inputs: d)
            let second = PackedMatrix(Array(parameters[(h * d)...]), outputs: d, inputs: h)
            let text = PackedMatrix(prototypes.map { scale * $0 }, outputs: c, inputs: d)
            return BaselineHead(classes: c, dimension: d, parameters: 2 * h * d + c * d) { rows, n, logits in
                var hidden = [Float](repeating: 0, count: n * h)
                var y = [Float](repeating: 0, count: n * d)
                hidden.withUnsafeMutableBufferPointer { hidden in
                    y.withUnsafeMutableBufferPointer { y in
                        guard let hidden = hidden.baseAddress, let y = y.baseAddress else { return }
                        first.multiply(rows, rows: n, into: hidden)
                        for i in 0..<n * h { hidden[i] = max(0, hidden[i]) }
                        second.multiply(hidden, rows: n, into: y)
                        for i in 0..<n * d { y[i] = blend * max(0, y[i]) + (1 - blend) * rows[i] }
                    }
                }
                _ = UnitRows.normalise(&y, dimension: d)
                y.withUnsafeBufferPointer { y in
                    if let y = y.baseAddress { text.multiply(y, rows: n, into: logits) }
                }
            }
        }
    }
}
