import Dynamics

/// Zero-shot and a cache of the support rows, which needs no training:
///
///     logits = 100 x Pᵀ + α exp(-β (1 - x Fᵀ)) L
///
/// with the support rows as keys `F` `[N, D]` and their labels one-hot as values `L` `[N, C]`. A class without support rows
/// has its zero-shot logit. α and β are chosen.
///
/// Source: Zhang et al., Tip-Adapter (ECCV 2022), equation 6. Cost: N (D + 1) multiplications a row beside zero-shot.
enum TipAdapter {
    static var method: BaselineMethod {
        let grid = BaselineMethod.grid([
            "beta": BaselineMethod.geometric(1, 50, 8), "alpha": BaselineMethod.geometric(0.3, 1_000, 10),
        ])
        return BaselineMethod(grid: grid, usual: ["alpha": 1, "beta": 5.5], calibrationScale: 10) {
            problem, settings, visit in
            let (c, d) = (problem.classes, problem.dimension)
            let text = PackedMatrix(problem.zeroShotWeight.map(Float.init), outputs: c, inputs: d)
            let keys = PackedMatrix(problem.support.map(Float.init), outputs: problem.labels.count, inputs: d)
            for setting in settings {
                visit(
                    setting,
                    head(
                        text: text, keys: keys, labels: problem.labels, strength: Float(setting["alpha", default: 1]),
                        sharpness: Float(setting["beta", default: 5.5])))
            }
        }
    }

    /// - Parameter labels: the class of each key, `[N]`.
    static func head(
        text: PackedMatrix<Float>, keys: PackedMatrix<Float>, labels: [Int], strength: Float, sharpness: Float
    ) -> BaselineHead {
        let (c, d) = (text.outputs, text.inputs)
        return BaselineHead(classes: c, dimension: d, parameters: (c + labels.count) * d) { rows, n, logits in
            text.multiply(rows, rows: n, into: logits)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, n * labels.count)) { buffer in
                guard let affinities = buffer.baseAddress else { return }
                keys.multiply(rows, rows: n, into: affinities)
                let count = n * labels.count
                for i in 0..<count { affinities[i] *= sharpness }
                _ = Float.exponentiate(affinities, shift: sharpness, count: count)
                for row in 0..<n {
                    for (key, label) in labels.enumerated() {
                        logits[row * c + label] += strength * affinities[row * labels.count + key]
                    }
                }
            }
        }
    }
}
