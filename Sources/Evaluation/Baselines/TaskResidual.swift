import Training

/// A residual on the prototypes, from zero:
///
///     logits = s x · normalise(P + α R)ᵀ        α = 0.5
///
/// Source: Yu et al., Task residual for tuning vision-language models (CVPR 2023), whose rate, α and s = 100 are taken;
/// s = 25 is tried too, as the scale of the bolder trial of the standard recipe. Cost: 2 N C D multiplications an epoch.
enum TaskResidual {
    private static let epochs = 600
    private static let share: Float = 0.5

    static var method: BaselineMethod {
        let grid = BaselineMethod.grid([
            "scale": [100, 25], "epoch": GradientRun.looks(epochs, BaselineMethod.trials / 2),
        ])
        return BaselineMethod(grid: grid, usual: ["epoch": 150, "scale": 100]) { problem, settings, visit in
            let (c, d, n) = (problem.classes, problem.dimension, problem.labels.count)
            let rows = problem.support.map(Float.init)
            let columns = Matrices.transposed(rows, rows: n, columns: d)
            let prototypes = problem.prototypes.map(Float.init)
            for run in GradientRun.byRun(settings) {
                let scale = Float(run.settings["scale", default: 100])
                let training = GradientRun(
                    epochs: epochs, groups: [AdamW.Group(range: 0..<c * d, rate: 2e-3, decay: 0)]
                ) { residual in
                    let (unit, norms) = weights(prototypes, residual, dimension: d)
                    var z = Matrices.transposed(
                        Matrices.product(unit, columns, rows: c, inner: d, columns: n, threads: problem.threads),
                        rows: c, columns: n
                    ).map { scale * $0 }
                    GradientRun.crossEntropy(&z, labels: problem.labels, classes: c)
                    var gradient = Matrices.product(
                        Matrices.transposed(z, rows: n, columns: c), rows, rows: c, inner: n, columns: d,
                        threads: problem.threads)
                    UnitRows.pullBack(&gradient, unit: unit, norms: norms, dimension: d)
                    for i in gradient.indices { gradient[i] *= share * scale }
                    return gradient
                }
                training.run(from: [Float](repeating: 0, count: c * d), looks: run.looks) { epoch, residual in
                    var settings = run.settings
                    settings["epoch"] = Double(epoch)
                    let (unit, _) = weights(prototypes, residual, dimension: d)
                    visit(
                        settings,
                        .linear(weight: unit.map { Double(scale * $0) }, classes: c, dimension: d))
                }
            }
        }
    }

    /// `normalise(P + α R)`, and the lengths before.
    private static func weights(
        _ prototypes: [Float], _ residual: [Float], dimension d: Int
    ) -> (unit: [Float], norms: [Float]) {
        var unit = zip(prototypes, residual).map { $0 + share * $1 }
        let norms = UnitRows.normalise(&unit, dimension: d)
        return (unit, norms)
    }
}
