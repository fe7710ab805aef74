/// What a hidden layer adds to logits: `φ(x) A`, with `A` `[H, C]` fitted to what the logits lack, by ridge regression
///
///     A = (Φᵀ Φ + λ I)⁻¹ Φᵀ R        R = onehot - softmax(logits)
///
/// `R` is the slope of the log-likelihood, so this is one step of gradient boosting (Friedman 2001) in the layer's span.
/// Cost: n H (D + H + C) and H³/6.
struct LogitCorrection: Sendable {
    let layer: HiddenLayer
    /// `[H, C]`
    let readout: [Double]

    static let ridges = [0.001, 0.01, 0.1, 1, 10]
    /// What a correction is multiplied by, among which is chosen.
    static let sizes: [Double] = [1, 2, 4, 8, 16, 32]

    /// One for each of `ridges`.
    ///
    /// - Parameters:
    ///   - rows: `[n, D]`
    ///   - residual: `R`, `[n, C]`
    static func fitted(
        _ layer: HiddenLayer, rows: [Double], residual: [Double], classes c: Int, ridges: [Double], threads: Int?
    ) -> [LogitCorrection] {
        let h = layer.width
        let phi = layer.answers(rows, threads: threads)
        let n = phi.count / max(1, h)
        let columns = Matrices.transposed(phi, rows: n, columns: h)
        let gram = Matrices.product(columns, phi, rows: h, inner: n, columns: h, threads: threads)
        let right = Matrices.transposed(
            Matrices.product(columns, residual, rows: h, inner: n, columns: c, threads: threads), rows: h, columns: c)
        return ridges.map { ridge in
            var shifted = gram
            for i in 0..<h { shifted[i * h + i] += ridge }
            let solved = Cholesky(shifted, size: h)?.solve(right) ?? [Double](repeating: 0, count: c * h)
            return LogitCorrection(layer: layer, readout: Matrices.transposed(solved, rows: c, columns: h))
        }
    }

    /// `[n, C]` for rows `[n, D]`.
    func logits(_ rows: [Double], threads: Int?) -> [Double] {
        let h = layer.width
        guard !rows.isEmpty, h > 0 else { return [] }
        let phi = layer.answers(rows, threads: threads)
        return Matrices.product(
            phi, readout, rows: phi.count / h, inner: h, columns: readout.count / h, threads: threads)
    }
}
