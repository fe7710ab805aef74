import Dynamics

/// What closed forms and baselines are fitted to: unit support rows, unit prompts and the zero-shot prototypes, in double precision.
package struct FewShotProblem: Sendable {
    package let classes: Int
    package let dimension: Int
    /// `[N, D]`
    package let support: [Double]
    /// `[N]`
    package let labels: [Int]
    /// `[M, D]`
    package let prompts: [Double]
    /// `[M]`
    package let promptLabels: [Int]
    /// `P`, `[C, D]`: the normalised mean of each class's unit prompts.
    package let prototypes: [Double]
    /// Threads to fit with; nil for one to each core. The result does not depend on it.
    package let threads: Int?
    /// What zero-shot logits are multiplied by, as CLIP does.
    package static let zeroShotScale = 100.0

    /// - Parameter prompts: at least one of every class.
    package init(support: PreparedRows, prompts: PreparedRows, classes: Int, threads: Int?) {
        let d = prompts.dimension
        self.classes = classes
        dimension = d
        self.support = Self.unit(support.start, dimension: d)
        labels = support.labels.map(Int.init)
        self.prompts = Self.unit(prompts.start, dimension: d)
        promptLabels = prompts.labels.map(Int.init)
        self.threads = threads
        var sums = [Double](repeating: 0, count: classes * d)
        for (row, label) in promptLabels.enumerated() {
            for j in 0..<d { sums[label * d + j] += self.prompts[row * d + j] }
        }
        prototypes = Self.unit(sums, dimension: d)
    }

    package var zeroShotWeight: [Double] { prototypes.map { Self.zeroShotScale * $0 } }

    private static func unit(_ rows: [some BinaryFloatingPoint], dimension d: Int) -> [Double] {
        var unit = rows.map { Double($0) }
        for start in stride(from: 0, to: unit.count, by: d) {
            let norm = unit[start..<start + d].reduce(0) { $0 + $1 * $1 }.squareRoot()
            for i in start..<start + d where norm > 0 { unit[i] /= norm }
        }
        return unit
    }
}
