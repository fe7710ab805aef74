/// How often each class was answered with each class, and what follows from it; memory for the pairs that occur.
///
/// A row without a prediction counts as wrong: it lowers its class's recall and nobody's precision.
public struct ConfusionMatrix: Sendable, Hashable {
    public let classes: Int
    public private(set) var rows = 0
    /// Rows without a prediction.
    public private(set) var unanswered = 0
    /// Rows of each true class, `[C]`.
    public private(set) var support: [Int]
    /// By true class and predicted class; pairs that do not occur are absent.
    private var counts: [Pair: Int] = [:]

    private struct Pair: Hashable {
        let label: Int
        let predicted: Int
    }

    public init(classes: Int) {
        self.classes = classes
        support = Array(repeating: 0, count: classes)
    }

    /// Counts one row.
    ///
    /// - Parameters:
    ///   - label: the true class; outside `0..<C` it is a class that the model does not know, and no answer is right.
    ///   - predicted: the answer; outside `0..<C` there was none.
    public mutating func add(label: Int, predicted: Int) {
        let known = 0..<classes
        rows += 1
        if !known.contains(predicted) { unanswered += 1 }
        if known.contains(label) {
            support[label] += 1
            if known.contains(predicted) { counts[Pair(label: label, predicted: predicted), default: 0] += 1 }
        } else if known.contains(predicted) {
            strangers[predicted, default: 0] += 1
        }
    }

    /// Answers given to rows of unknown classes: they cost precision.
    private var strangers: [Int: Int] = [:]

    public subscript(label: Int, predicted: Int) -> Int { counts[Pair(label: label, predicted: predicted)] ?? 0 }

    /// Right answers per row; 0 where there are no rows.
    public var accuracy: Double {
        rows == 0 ? 0 : Double((0..<classes).reduce(0) { $0 + self[$1, $1] }) / Double(rows)
    }

    /// The unweighted mean over all C classes of F1 = 2 P R / (P + R), where an undefined F1 counts as 0.
    public var macroF1: Double {
        classes == 0 ? 0 : scores.reduce(0) { $0 + $1.f1 } / Double(classes)
    }

    /// The unweighted mean recall of the classes that have rows; 0 where there are none.
    public var balancedAccuracy: Double {
        let present = scores.filter { $0.support > 0 }
        return present.isEmpty ? 0 : present.reduce(0) { $0 + $1.recall } / Double(present.count)
    }

    /// Precision, recall and F1 of each class, `[C]`; each is 0 where it is undefined.
    public var scores: [ClassScore] {
        var answered = (0..<classes).map { strangers[$0] ?? 0 }
        for (pair, rows) in counts { answered[pair.predicted] += rows }
        return (0..<classes).map { index in
            ClassScore(index: index, right: self[index, index], answered: answered[index], support: support[index])
        }
    }

    /// The commonest wrong answers, most frequent first; ties in class order.
    public func confusions(limit: Int) -> [Confusion] {
        let wrong = counts.filter { $0.key.label != $0.key.predicted }
        let pairs = wrong.map { Confusion(label: $0.label, predicted: $0.predicted, rows: $1) }
        return Array(
            pairs.sorted { ($1.rows, $0.label, $0.predicted) < ($0.rows, $1.label, $1.predicted) }.prefix(limit))
    }
}
