import Dynamics
import Training

/// Tip-Adapter with its keys `F` trained from the support rows.
///
/// Source: Zhang et al., Tip-Adapter (ECCV 2022), 3.2, whose rate is taken; their best epoch by test rows is not. Cost:
/// 2 N² D multiplications an epoch.
enum TipAdapterTuned {
    private static let epochs = 40

    static var method: BaselineMethod {
        let grid = BaselineMethod.grid([
            "beta": BaselineMethod.geometric(1, 27, 4), "alpha": BaselineMethod.geometric(1, 100, 5),
            "epoch": GradientRun.looks(epochs, 4),
        ])
        return BaselineMethod(grid: grid, usual: ["alpha": 1, "beta": 3, "epoch": 20], calibrationScale: 10) {
            problem, settings, visit in
            let (c, d, n) = (problem.classes, problem.dimension, problem.labels.count)
            let rows = problem.support.map(Float.init)
            let text = PackedMatrix(problem.zeroShotWeight.map(Float.init), outputs: c, inputs: d)
            var zeroShot = [Float](repeating: 0, count: n * c)
            rows.withUnsafeBufferPointer { rows in
                zeroShot.withUnsafeMutableBufferPointer { logits in
                    guard let rows = rows.baseAddress, let logits = logits.baseAddress else { return }
                    text.multiply(rows, rows: n, into: logits)
                }
            }
            for run in GradientRun.byRun(settings) {
                let alpha = Float(run.settings["alpha", default: 1])
                let beta = Float(run.settings["beta", default: 3])
                let training = GradientRun(
                    epochs: epochs, groups: [AdamW.Group(range: 0..<n * d, rate: 1e-3, decay: 1e-2)]
                ) { keys in
                    // Affinities, by support row and key.
                    var a = Matrices.product(
                        rows, Matrices.transposed(keys, rows: n, columns: d), rows: n, inner: d, columns: n,
                        threads: problem.threads
                    ).map { beta * $0 }
                    a.withUnsafeMutableBufferPointer { a in
                        if let a = a.baseAddress { _ = Float.exponentiate(a, shift: beta, count: n * n) }
                    }
                    var z = zeroShot
                    for row in 0..<n {
                        for (key, label) in problem.labels.enumerated() {
                            z[row * c + label] += alpha * a[row * n + key]
                        }
                    }
                    GradientRun.crossEntropy(&z, labels: problem.labels, classes: c)
                    for row in 0..<n {
                        for (key, label) in problem.labels.enumerated() {
                            a[row * n + key] *= alpha * beta * z[row * c + label]
                        }
                    }
                    return Matrices.product(
                        Matrices.transposed(a, rows: n, columns: n), rows, rows: n, inner: n, columns: d,
                        threads: problem.threads)
                }
                training.run(from: rows, looks: run.looks) { epoch, keys in
                    var settings = run.settings
                    settings["epoch"] = Double(epoch)
                    visit(
                        settings,
                        TipAdapter.head(
                            text: text, keys: PackedMatrix(keys, outputs: n, inputs: d), labels: problem.labels,
                            strength: alpha, sharpness: beta))
                }
            }
        }
    }
}
