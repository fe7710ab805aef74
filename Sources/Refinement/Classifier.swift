import Dynamics

/// The cross-modal classifier, ready to be computed over a tile in one product:
///
///     logits = s · y · normalise(Wc)ᵀ  (cosine)   or   s · y · Wcᵀ + bc  (affine),   plus   s0 · x0 · Wpᵀ
///
/// with `y` and `x0` `[rows, D]` side by side and the logits `[rows, C]`.
struct Classifier<S: KernelScalar>: Sendable {
    /// Where the logits stand afterwards.
    let logits: Int
    /// Floating-point operations a row, a multiply-add being two: the matrix product only.
    let operations: Int
    /// How many numbers of memory there are up to the end of the logits.
    let workspaceCount: Int
    private let layer: TileLayer<S>

    /// - Parameter logits: where to put them: past everything else in the worker's memory.
    init(_ model: Model<S>, logits: Int) {
        let d = model.configuration.dimension
        let classes = model.classes.count
        self.logits = logits
        workspaceCount = logits + Tile<S>.count(classes)
        let isCosine = model.configuration.classifier == .cosine
        let weights = model.classifierWeight.map { Double($0) }
        func scaled(_ values: [Double], by scale: Double) -> [Double] { values.map { scale * $0 } }
        let directions = isCosine ? Self.normalised(weights, dimension: d) : weights
        var blocks = [(weight: scaled(directions, by: model.configuration.logitScale), inputs: d)]
        if let prior = model.prior {
            blocks.append((scaled(prior.map { Double($0) }, by: model.configuration.priorScale), d))
        }
        layer = TileLayer(
            weight: PackedMatrix(blocks: blocks, outputs: classes), outputs: classes, output: logits,
            row: isCosine ? nil : model.classifierBias?.map { Double($0) })
        operations = 2 * blocks.count * d * classes
    }

    /// - Parameter memory: `y` and `x0` at its beginning.
    func evaluate(rows: Int, memory: UnsafeMutablePointer<S>) {
        layer.compute(rows: rows, memory: memory)
    }

    /// Each row divided by its norm; a row of zeros stays one, as in PyTorch's `normalize`.
    private static func normalised(_ weight: [Double], dimension d: Int) -> [Double] {
        var result = weight
        for row in stride(from: 0, to: weight.count, by: d) {
            let norm = weight[row..<row + d].reduce(0.0) { $0 + $1 * $1 }.squareRoot()
            guard norm > 0 else { continue }
            for i in row..<row + d { result[i] = weight[i] / norm }
        }
        return result
    }
}
