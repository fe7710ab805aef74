import Dynamics

/// The cross-modal classifier, ready to be computed:
///
///     logits = s · y · normalise(Wc)ᵀ  (cosine)   or   s · y · Wcᵀ + bc  (affine),   plus   s0 · x0 · Wpᵀ
///
/// with `y` and `x0` `[rows, D]` and the logits `[rows, C]`. Costs `D C` multiplications a row, `2 D C` with a prior.
struct Classifier<S: KernelScalar>: Sendable {
    let classes: Int
    private let weight: PackedMatrix<S>
    private let prior: PackedMatrix<S>?
    private let bias: [S]?
    private let scale: S
    private let priorScale: S

    init(_ model: Model<S>) {
        let d = model.configuration.dimension
        classes = model.classes.count
        let isCosine = model.configuration.classifier == .cosine
        let weights = isCosine ? Self.normalised(model.classifierWeight, dimension: d) : model.classifierWeight
        weight = PackedMatrix(weights, outputs: classes, inputs: d)
        bias = isCosine ? nil : model.classifierBias
        prior = model.prior.map { PackedMatrix($0, outputs: model.classes.count, inputs: d) }
        scale = S(model.configuration.logitScale)
        priorScale = S(model.configuration.priorScale)
    }

    /// - Parameters:
    ///   - scratch: `[rows, C]`, only written to where there is a prior.
    ///   - logits: receives `[rows, C]`.
    func evaluate(
        _ y: UnsafePointer<S>, start x0: UnsafePointer<S>, rows: Int, scratch: UnsafeMutablePointer<S>,
        into logits: UnsafeMutablePointer<S>
    ) {
        let count = rows * classes
        weight.multiply(y, rows: rows, into: logits)
        S.scale(logits, by: scale, into: logits, count: count)
        if let bias { S.add(row: bias, m: rows, n: classes, into: logits) }
        if let prior {
            prior.multiply(x0, rows: rows, into: scratch)
            S.add(scratch, times: priorScale, into: logits, count: count)
        }
    }

    /// Each row divided by its norm; a row of zeros stays one, as in PyTorch's `normalize`.
    private static func normalised(_ weight: [S], dimension d: Int) -> [S] {
        var result = weight
        for row in stride(from: 0, to: weight.count, by: d) {
            let norm = weight[row..<row + d].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard norm > 0 else { continue }
            for i in row..<row + d { result[i] = S(Double(weight[i]) / norm) }
        }
        return result
    }
}
