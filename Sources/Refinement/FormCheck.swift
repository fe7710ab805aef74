import Dynamics

/// Whether the two forms of a model agree: a few rows solved both ways.
///
/// In hidden space rounding errors pass through `F = Wx W2` instead of `Wx` and `W2`; a field of very large gain amplifies
/// them otherwise than the direct form does.
struct FormCheck {
    /// The largest difference allowed, relative to `max(1, |x|)`.
    static let tolerance = 1e-5
    /// Rows times evaluations to spend; no more than `mostRows`, half of them from the model, and never fewer than four.
    private static let budget = 4_096
    private static let mostRows = 32

    /// The largest difference of any element of `x(T)`, relative to `max(1, |x|)`; infinite where one form diverges alone.
    ///
    /// The rows are random unit vectors from a fixed seed, and classifier rows and prototypes of the model; with supplied
    /// velocities, at order 2, too.
    static func difference(
        _ model: Model<Float>, evaluations: Int, _ direct: DirectSolution, _ hidden: HiddenSolution
    ) -> Double {
        let d = model.configuration.dimension
        let count = max(4, min(mostRows, budget / evaluations))
        var generator = SplitMix64(seed: 2_024)
        var rows = (0..<count / 2).map { _ in direction(d, &generator) }
        let known = model.classifierWeight + (model.prior ?? [])
        for first in stride(from: 0, to: known.count, by: d) where rows.count < count {
            let row = known[first..<first + d].map { Double($0) }
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 0 { rows.append(row.map { Float($0 / norm) }) }
        }
        var largest = difference(rows, velocity: nil, direct: .direct(direct), hidden: .hidden(hidden))
        if model.configuration.order == 2 {
            let velocity = rows.flatMap { _ in direction(d, &generator) }
            largest = max(
                largest, difference(rows, velocity: velocity, direct: .direct(direct), hidden: .hidden(hidden)))
        }
        return largest
    }

    private static func difference(
        _ rows: [[Float]], velocity: [Float]?, direct: Solution, hidden: Solution
    ) -> Double {
        let one = positions(rows, velocity, direct)
        let other = positions(rows, velocity, hidden)
        return zip(one, other).map { difference($0, $1) }.max() ?? 0
    }

    private static func difference(_ x: [Float], _ y: [Float]) -> Double {
        func isLost(_ x: [Float]) -> Bool {
            let norm = x.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            return !(norm <= Refiner.divergence)
        }
        switch (isLost(x), isLost(y)) {
        case (true, true): return 0
        case (false, false):
            return zip(x, y).map { Double(abs($0 - $1)) / max(1, Double(abs($0))) }.max() ?? 0
        default: return .infinity
        }
    }

    /// `x(T)` of each row.
    private static func positions(_ rows: [[Float]], _ velocity: [Float]?, _ solution: Solution) -> [[Float]] {
        let workspace = Workspace<Float>(count: solution.workspaceCount)
        let d = rows[0].count
        for (i, row) in rows.enumerated() {
            Float.spread(
                row, times: 1, into: workspace.base + Tile<Float>.count(d) + i * Float.panel, count: d)
        }
        func solve(_ velocity: UnsafePointer<Float>?) -> Int {
            solution.solve(rows: rows.count, velocity: velocity, memory: workspace.base)
        }
        let position = velocity?.withUnsafeBufferPointer { solve($0.baseAddress) } ?? solve(nil)
        return rows.indices.map { i in
            var x = [Float](repeating: 0, count: d)
            Float.gather(workspace.base + position + i * Float.panel, times: 1, into: &x, count: d)
            return x
        }
    }

    private static func direction(_ dimension: Int, _ generator: inout SplitMix64) -> [Float] {
        let values = (0..<dimension).map { _ in generator.gaussian() }
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return values.map { Float($0 / norm) }
    }
}
