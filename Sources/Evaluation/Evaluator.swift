import EmbeddingSets
import Failures
import Foundation
import Refinement

/// Judges a model on a labelled set, and zero-shot on the same rows where prompts are given.
public struct Evaluator: Sendable {
    let refiner: Refiner
    let threads: Int?
    /// Rows whose logits are held at a time: 4 bytes a class each.
    private static let chunkRows = 1_024

    /// - Parameter threads: nil for one to each core; the result does not depend on it.
    public init(refiner: Refiner, threads: Int? = nil) {
        self.refiner = refiner
        self.threads = threads
    }

    /// Counts every labelled row; rows labelled -1 are left out, rows that fail are wrong.
    ///
    /// - Parameter prompts: text prompts of the model's classes, for zero-shot.
    /// - Throws: `no_labels`, `no_rows`, `dimension_mismatch`, `encoder_mismatch`, `classes_mismatch`.
    public func evaluate(_ set: EmbeddingSet, prompts: EmbeddingSet? = nil) throws -> EvaluationReport {
        let dimension = refiner.configuration.dimension
        let encoder = refiner.configuration.encoder
        var warnings = [
            try set.checkCompatible(dimension: dimension, encoder: encoder),
            refiner.configuration.velocityWarning(isSupplied: set.velocity != nil),
        ].compactMap(\.self)
        let (labels, map) = try Self.labels(of: set, in: refiner.classes, name: "the test set")
        if !map.unknown.isEmpty {
            warnings.append(
                "classes that the model does not know, always counted as wrong: "
                    + map.unknown.joined(separator: ", "))
        }

        let c = refiner.classes.count
        var tally = PredictionTally(classes: refiner.classes, temperature: refiner.configuration.temperature)
        var logits = [Float](repeating: 0, count: min(Self.chunkRows, set.rows) * c)
        let start = ContinuousClock.now
        for first in stride(from: 0, to: set.rows, by: Self.chunkRows) {
            let rows = first..<min(first + Self.chunkRows, set.rows)
            let statuses = run(set, rows, into: &logits)
            for (i, row) in rows.enumerated() where labels[row] >= 0 {
                if statuses[i] == .ok {
                    tally.add(label: map(labels[row]), logits: logits[i * c..<(i + 1) * c])
                } else {
                    tally.addFailure(label: map(labels[row]))
                }
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        guard tally.rows > 0 else {
            throw Failure(.noLabels, "no row of the test set has a label: label some (-1 means unlabelled).")
        }

        var report = tally.report(refiner: refiner)
        report.rowsUnlabelled = set.rows - tally.rows
        report.rowsPerSecond = Double(set.rows) / max(seconds, 1e-9)
        if let prompts {
            let answers = try zeroShotAnswers(set, prompts: prompts, warnings: &warnings)
            var matrix = ConfusionMatrix(classes: c)
            for (row, answer) in answers.enumerated() where labels[row] >= 0 {
                matrix.add(label: map(labels[row]), predicted: answer)
            }
            report.compare(zeroShot: matrix)
        }
        report.warnings = warnings
        return report
    }

    private func run(_ set: EmbeddingSet, _ rows: Range<Int>, into logits: inout [Float]) -> [RowStatus] {
        let span = rows.lowerBound * set.dimension..<rows.upperBound * set.dimension
        return logits.withUnsafeMutableBufferPointer { logits in
            set.embeddings.withUnsafeBufferPointer { embeddings in
                let chunk = UnsafeBufferPointer(rebasing: embeddings[span])
                guard let velocity = set.velocity else {
                    return refiner.logits(embeddings: chunk, rows: rows.count, threads: threads, into: logits)
                }
                return velocity.withUnsafeBufferPointer { velocity in
                    refiner.logits(
                        embeddings: chunk, velocity: UnsafeBufferPointer(rebasing: velocity[span]), rows: rows.count,
                        threads: threads, into: logits)
                }
            }
        }
    }

    /// The class of the nearest prompt prototype for each row of the set; -1 where there is none.
    func zeroShotAnswers(_ set: EmbeddingSet, prompts: EmbeddingSet, warnings: inout [String]) throws -> [Int] {
        let configuration = refiner.configuration
        let warning = try prompts.checkCompatible(dimension: configuration.dimension, encoder: configuration.encoder)
        if let warning { warnings.append("prompts: \(warning)") }
        let (promptLabels, promptMap) = try Self.labels(of: prompts, in: refiner.classes, name: "the prompts")
        if !promptMap.unknown.isEmpty {
            warnings.append(
                "prompts of classes that the model does not know are ignored: "
                    + promptMap.unknown.joined(separator: ", "))
        }
        let prototypes = Prototypes(
            prompts: prompts.embeddings, labels: promptLabels.map { promptMap($0) }, classes: refiner.classes.count,
            dimension: set.dimension)
        guard prototypes.missing.count < refiner.classes.count else {
            throw Failure(
                .classesMismatch,
                "no prompt is of one of the model's classes: give prompts whose metadata key classes names them.")
        }
        if !prototypes.missing.isEmpty {
            warnings.append(
                "classes without prompts are never the zero-shot answer: "
                    + prototypes.missing.map { refiner.classes[$0] }.joined(separator: ", "))
        }
        return prototypes.predictions(set.embeddings)
    }

    static func labels(
        of set: EmbeddingSet, in classes: [String], name: String
    ) throws -> (labels: [Int32], map: ClassMap) {
        guard let labels = set.labels else {
            throw Failure(.noLabels, "\(name) has no labels: add the tensor labels (I32, one a row).")
        }
        guard let names = set.classes else {
            throw Failure(.noLabels, "\(name) does not name its classes: add the metadata key classes (a JSON array).")
        }
        let map = ClassMap(from: names, to: classes)
        guard map.unknown.count < names.count else {
            throw Failure(
                .classesMismatch,
                "no class of \(name) is one of the model's: check that classes in its metadata are named alike.")
        }
        return (labels, map)
    }
}
