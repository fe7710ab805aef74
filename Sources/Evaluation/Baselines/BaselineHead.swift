import Dynamics
import Refinement
import Training

/// What a fitted baseline computes: logits for unit rows, in single precision and on the kernels that serve models, so
/// that the cost of a row can be compared too.
struct BaselineHead: Sendable {
    let classes: Int
    let dimension: Int
    /// Numbers that it keeps.
    let parameters: Int
    /// Logits `[n, C]` for `n` unit rows `[n, D]`; a row's logits depend on that row alone.
    let answer: @Sendable (_ rows: UnsafePointer<Float>, _ n: Int, _ logits: UnsafeMutablePointer<Float>) -> Void

    /// Logits `[n, C]` for rows `[n, D]` of any length; NaN for a row that is not finite or has no direction.
    ///
    /// - Parameter threads: nil for one to each core; the result does not depend on it.
    func logits(_ rows: UnsafeBufferPointer<Float>, threads: Int?) -> [Float] {
        let (c, d) = (classes, dimension)
        let n = rows.count / d
        guard n > 0, let source = rows.baseAddress else { return [] }
        return [Float](unsafeUninitializedCapacity: n * c) { buffer, count in
            count = n * c
            guard let logits = buffer.baseAddress else { return }
            let tiles = DisjointRows(n, threads: threads)
            tiles.forEachTile(scratch: { [Float](repeating: 0, count: tiles.tile * d) }) { range, unit in
                unit.withUnsafeMutableBufferPointer { unit in
                    guard let unit = unit.baseAddress else { return }
                    let usable = range.enumerated().map { i, row in
                        Self.normalise(source + row * d, into: unit + i * d, count: d)
                    }
                    let target = logits + range.lowerBound * c
                    answer(unit, range.count, target)
                    for (i, isUsable) in usable.enumerated() where !isUsable {
                        (target + i * c).update(repeating: .nan, count: c)
                    }
                }
            }
        }
    }

    /// `x / |x|`; zero, and false, where that is not defined.
    private static func normalise(
        _ x: UnsafePointer<Float>, into unit: UnsafeMutablePointer<Float>, count: Int
    ) -> Bool {
        let norm = Float.sumOfSquares(x, count: count).squareRoot()
        guard norm.isFinite, norm > 0 else {
            unit.update(repeating: 0, count: count)
            return false
        }
        for i in 0..<count { unit[i] = Float(Double(x[i]) / norm) }
        return true
    }

    func logits(_ rows: [Float], threads: Int?) -> [Float] {
        rows.withUnsafeBufferPointer { logits($0, threads: threads) }
    }

    /// What a trained model answers.
    ///
    /// - Throws: `model_invalid`.
    static func model(_ model: Model<Float>) throws -> BaselineHead {
        let refiner = try Refiner(model: model)
        let (c, d) = (model.classes.count, model.configuration.dimension)
        return BaselineHead(classes: c, dimension: d, parameters: model.weightCount) { rows, n, logits in
            let statuses = refiner.logits(
                embeddings: UnsafeBufferPointer(start: rows, count: n * d), rows: n, threads: 1,
                into: UnsafeMutableBufferPointer(start: logits, count: n * c))
            for (row, status) in statuses.enumerated() where status != .ok {
                (logits + row * c).update(repeating: .nan, count: c)
            }
        }
    }

    /// `x Wᵀ + b`, with `W` `[C, D]` and `b` `[C]`.
    static func linear(weight: [Double], bias: [Double] = [], classes: Int, dimension: Int) -> BaselineHead {
        let packed = PackedMatrix(weight.map(Float.init), outputs: classes, inputs: dimension)
        let offset = bias.map(Float.init)
        return BaselineHead(classes: classes, dimension: dimension, parameters: weight.count + bias.count) {
            rows, n, logits in
            packed.multiply(rows, rows: n, into: logits)
            offset.withUnsafeBufferPointer { offset in
                if let row = offset.baseAddress, !offset.isEmpty { Float.add(row: row, m: n, n: classes, into: logits) }
            }
        }
    }
}
