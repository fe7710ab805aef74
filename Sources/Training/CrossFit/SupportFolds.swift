/// The support rows in K folds, each class spread over all of them: row i of class c stands in fold `(i + c) mod K`.
struct SupportFolds: Sendable {
    /// A set of folds, one bit each.
    struct Chosen: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
    }

    /// K: 5, or as many as the largest class has rows.
    let count: Int
    /// Of each row, `[n]`.
    let fold: [Int]

    init(labels: [Int], classes: Int) {
        var seen = [Int](repeating: 0, count: classes)
        for label in labels { seen[label] += 1 }
        let k = max(1, min(5, seen.max() ?? 1))
        count = k
        seen = [Int](repeating: 0, count: classes)
        fold = labels.map { label in
            defer { seen[label] += 1 }
            return (seen[label] + label) % k
        }
    }

    /// Whether rows can be judged by what other rows of their class say.
    var judges: Bool { count > 1 }

    func only(_ fold: Int) -> Chosen { Chosen(rawValue: 1 << UInt8(fold)) }

    /// The rows that stand in none of `out`, ascending.
    func rows(without out: Chosen) -> [Int] {
        fold.indices.filter { !out.contains(only(fold[$0])) }
    }

    /// The rows of one fold, ascending.
    func rows(in fold: Int) -> [Int] {
        self.fold.indices.filter { self.fold[$0] == fold }
    }
}
