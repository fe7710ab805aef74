import Refinement
import Training

extension FewShotProtocol {
    /// Pool, validation and test of the same sizes drawn anew from all their rows, class by class: small test sets need
    /// several splits before a difference can be told from luck.
    ///
    /// - Throws: `invalid_argument` if the sets name different classes.
    public static func resplit(
        pool: TrainingRows, validation: TrainingRows?, test: TrainingRows, seed: UInt64
    ) throws -> (pool: TrainingRows, validation: TrainingRows?, test: TrainingRows) {
        var all = pool
        for more in [validation, test].compactMap(\.self) {
            let map = ClassMap(from: more.classes, to: pool.classes)
            all.embeddings += more.embeddings
            all.labels += more.labels.map { $0 < 0 ? -1 : Int32(map($0)) }
        }
        all.velocity = nil
        var byClass: [Int32: [Int]] = [:]
        for (row, label) in all.labels.enumerated() where label >= 0 { byClass[label, default: []].append(row) }
        var generator = SplitMix64(seed: seed ^ 0x7265_7370_6C69_74)
        let total = Double(pool.rows + (validation?.rows ?? 0) + test.rows)
        var parts: [[Int]] = [[], [], []]
        for label in byClass.keys.sorted() {
            var rows = byClass[label, default: []]
            generator.shuffle(&rows)
            let tested = Int((Double(rows.count * test.rows) / total).rounded())
            let judged = Int((Double(rows.count * (validation?.rows ?? 0)) / total).rounded())
            parts[2] += rows.prefix(tested)
            parts[1] += rows.dropFirst(tested).prefix(judged)
            parts[0] += rows.dropFirst(tested + judged)
        }
        return (
            try all.selecting(parts[0].sorted()), try validation.map { _ in try all.selecting(parts[1].sorted()) },
            try all.selecting(parts[2].sorted())
        )
    }
}
