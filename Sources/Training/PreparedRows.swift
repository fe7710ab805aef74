import Failures
import Glibc
import Refinement

/// Labelled rows as the equation starts from them: finite, of length 1, with labels that index the model's classes.
package struct PreparedRows: Sendable {
    package let dimension: Int
    /// Unit rows, `[n, D]`.
    package let start: [Float]
    let velocity: [Float]?
    package let labels: [Int32]
    /// `|e|` of each row as it came.
    let norms: [Double]
    let sha256: String?
    /// Rows that were left out.
    let unlabelled: Int
    let unusable: Int

    package var rows: Int { labels.count }

    /// - Parameters:
    ///   - name: what the rows are, for messages: `support`, `prompts`, `validation`.
    ///   - classes: the model's; labels are translated to them by name.
    /// - Throws: `no_rows`, `no_labels`, `classes_mismatch`, `dimension_mismatch`.
    package init(_ source: TrainingRows, name: String, classes: [String], dimension: Int) throws {
        let d = dimension
        guard source.rows > 0 else {
            throw Failure(.noRows, "the \(name) set has no rows: check how it was made.")
        }
        guard source.dimension == d else {
            throw Failure(
                .dimensionMismatch,
                "the \(name) rows have \(source.dimension) columns, the prompts \(d): embed both with the same encoder."
            )
        }
        guard source.embeddings.count == source.rows * d, (source.velocity?.count ?? source.rows * d) == source.rows * d
        else {
            throw Failure(.dimensionMismatch, "the \(name) set has not \(d) numbers for each label: check its shapes.")
        }
        let translation = try Self.translation(from: source.classes, to: classes, name: name)
        var kept: [Int] = []
        var labels: [Int32] = []
        var norms: [Double] = []
        var (unlabelled, unusable) = (0, 0)
        for row in 0..<source.rows {
            let label = source.labels[row]
            guard label >= 0 else {
                unlabelled += 1
                continue
            }
            guard Int(label) < translation.count, let own = translation[Int(label)] else {
                throw Failure(
                    .classesMismatch,
                    "row \(row) of the \(name) set has label \(label), which none of the model's classes answers to: "
                        + "labels index the metadata key classes, and prompts must name every class.")
            }
            let square = source.embeddings[row * d..<(row + 1) * d].reduce(0.0) { $0 + Double($1) * Double($1) }
            let isFinite = source.velocity.map { $0[row * d..<(row + 1) * d].allSatisfy(\.isFinite) } ?? true
            guard square.isFinite, square > 0, isFinite else {
                unusable += 1
                continue
            }
            kept.append(row)
            labels.append(Int32(own))
            norms.append(square.squareRoot())
        }
        guard unlabelled < source.rows else {
            throw Failure(.noLabels, "no row of the \(name) set has a label: label some (-1 means unlabelled).")
        }
        guard !kept.isEmpty else {
            throw Failure(.noRows, "no row of the \(name) set is finite and different from zero: check the encoder.")
        }
        var start = [Float](repeating: 0, count: kept.count * d)
        for (index, row) in kept.enumerated() {
            for i in 0..<d { start[index * d + i] = Float(Double(source.embeddings[row * d + i]) / norms[index]) }
        }
        self.init(
            dimension: d, start: start,
            velocity: source.velocity.map { values in kept.flatMap { values[$0 * d..<($0 + 1) * d] } },
            labels: labels, norms: norms, sha256: source.sha256, unlabelled: unlabelled, unusable: unusable)
    }

    private init(
        dimension: Int, start: [Float], velocity: [Float]?, labels: [Int32], norms: [Double], sha256: String?,
        unlabelled: Int, unusable: Int
    ) {
        self.dimension = dimension
        self.start = start
        self.velocity = velocity
        self.labels = labels
        self.norms = norms
        self.sha256 = sha256
        self.unlabelled = unlabelled
        self.unusable = unusable
    }

    /// The model's index of each of the set's classes; nil for a class that the model does not know.
    ///
    /// A set may know fewer classes, or the same in another order; sharing no class at all is a mistake.
    private static func translation(from own: [String], to classes: [String], name: String) throws -> [Int?] {
        if own == classes { return Array(classes.indices) }
        let index = Dictionary(zip(classes, classes.indices), uniquingKeysWith: { first, _ in first })
        let translated = own.map { index[$0] }
        guard translated.allSatisfy({ $0 != nil }) else {
            let unknown = zip(own, translated).filter { $0.1 == nil }.map(\.0)
            throw Failure(
                .classesMismatch,
                "the \(name) set has \(unknown.count) classes that the prompts lack ("
                    + unknown.prefix(3).joined(separator: ", ") + (unknown.count > 3 ? ", ..." : "")
                    + "): add prompts for them or leave them out.")
        }
        return translated
    }

    /// The same rows somewhere else.
    ///
    /// - Parameter start: unit rows, `[n, D]`.
    func standing(at start: [Float]) -> PreparedRows {
        PreparedRows(
            dimension: dimension, start: start, velocity: nil, labels: labels, norms: norms, sha256: sha256,
            unlabelled: unlabelled, unusable: unusable)
    }

    func selecting(_ indices: [Int]) -> PreparedRows {
        let d = dimension
        func gather(_ values: [Float]) -> [Float] { indices.flatMap { values[$0 * d..<($0 + 1) * d] } }
        return PreparedRows(
            dimension: d, start: gather(start), velocity: velocity.map(gather), labels: indices.map { labels[$0] },
            norms: indices.map { norms[$0] }, sha256: sha256, unlabelled: 0, unusable: 0)
    }

    /// Splits off about a quarter of each class that has at least two rows.
    func leavingOut(_ generator: inout SplitMix64) -> (kept: PreparedRows, leftOut: PreparedRows)? {
        var byClass: [Int32: [Int]] = [:]
        for (row, label) in labels.enumerated() { byClass[label, default: []].append(row) }
        var leftOut: [Int] = []
        for label in byClass.keys.sorted() {
            var rows = byClass[label, default: []]
            guard rows.count >= 2 else { continue }
            generator.shuffle(&rows)
            leftOut += rows.prefix(max(1, rows.count / 4))
        }
        guard !leftOut.isEmpty else { return nil }
        let out = Set(leftOut)
        return (selecting(labels.indices.filter { !out.contains($0) }), selecting(leftOut.sorted()))
    }
}
