import EmbeddingSets
import Failures
import Foundation
import Refinement

/// Judges a model on a labelled set, and zero-shot on the same rows where prompts are given.
public struct Evaluator: Sendable {
    private let refiner: Refiner
    private let threads: Int?
    /// Rows whose whole distribution is held at a time: 8 bytes a class each.
    private static let chunkRows = 1_024

    /// - Parameter threads: nil for one to each core; the result does not depend on it.
    public init(refiner: Refiner, threads: Int? = nil) {
        self.refiner = refiner
        self.threads = threads
    }

    /// Counts every labelled row; rows labelled -1 are left out, rows that fail are wrong.
    ///
    /// - Parameter prompts: text prompts of the model's classes, for zero-shot.
    /// - Throws: `no_labels`, `no_rows`, `dimension_mismatch`, `encoder_mismatch`.
    public func evaluate(_ set: EmbeddingSet, prompts: EmbeddingSet? = nil) throws -> EvaluationReport {
        let dimension = refiner.configuration.dimension
        let encoder = refiner.configuration.encoder
        var warnings = [try set.checkCompatible(dimension: dimension, encoder: encoder)].compactMap(\.self)
        let (labels, map) = try Self.labels(of: set, in: refiner.classes, name: "the test set")
        if !map.unknown.isEmpty {
            warnings.append(
                "classes that the model does not know, always counted as wrong: "
                    + map.unknown.joined(separator: ", "))
        }

        var tally = PredictionTally(classes: refiner.classes)
        let start = ContinuousClock.now
        for first in stride(from: 0, to: set.rows, by: Self.chunkRows) {
            let rows = first..<min(first + Self.chunkRows, set.rows)
            let columns = run(set, rows)
            for row in rows where labels[row] >= 0 {
                tally.add(label: map(labels[row]), row: row - first, of: columns)
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        guard tally.rows > 0 else {
            throw Failure(.noLabels, "no row of the test set has a label: label some (-1 means unlabelled).")
        }

        var report = tally.report(refiner: refiner)
        report.rowsUnlabelled = set.rows - tally.rows
        report.rowsPerSecond = Double(set.rows) / max(seconds, 1e-9)
        report.warnings = warnings
        if let prompts {
            try prompts.checkCompatible(dimension: dimension, encoder: encoder)
            report.zeroShot = try zeroShot(set, labels: labels, map: map, prompts: prompts)
        }
        return report
    }

    private func run(_ set: EmbeddingSet, _ rows: Range<Int>) -> ResultColumns {
        let span = rows.lowerBound * set.dimension..<rows.upperBound * set.dimension
        var columns = ResultColumns(topK: refiner.classes.count, capacity: rows.count)
        set.embeddings.withUnsafeBufferPointer { embeddings in
            let chunk = UnsafeBufferPointer(rebasing: embeddings[span])
            if let velocity = set.velocity {
                velocity.withUnsafeBufferPointer { velocity in
                    refiner.run(
                        embeddings: chunk, velocity: UnsafeBufferPointer(rebasing: velocity[span]), rows: rows.count,
                        threads: threads, into: &columns)
                }
            } else {
                refiner.run(embeddings: chunk, rows: rows.count, threads: threads, into: &columns)
            }
        }
        return columns
    }

    private func zeroShot(
        _ set: EmbeddingSet, labels: [Int32], map: ClassMap, prompts: EmbeddingSet
    ) throws -> EvaluationReport.ZeroShot {
        let (promptLabels, promptMap) = try Self.labels(of: prompts, in: refiner.classes, name: "the prompts")
        let prototypes = Prototypes(
            prompts: prompts.embeddings, labels: promptLabels.map { promptMap($0) }, classes: refiner.classes.count,
            dimension: set.dimension)
        var matrix = ConfusionMatrix(classes: refiner.classes.count)
        for (row, predicted) in prototypes.predictions(set.embeddings).enumerated() where labels[row] >= 0 {
            matrix.add(label: map(labels[row]), predicted: predicted)
        }
        return EvaluationReport.ZeroShot(
            accuracy: matrix.accuracy, macroF1: matrix.macroF1, balancedAccuracy: matrix.balancedAccuracy)
    }

    private static func labels(
        of set: EmbeddingSet, in classes: [String], name: String
    ) throws -> (labels: [Int32], map: ClassMap) {
        guard let labels = set.labels else {
            throw Failure(.noLabels, "\(name) has no labels: add the tensor labels (I32, one a row).")
        }
        guard let names = set.classes else {
            throw Failure(.noLabels, "\(name) does not name its classes: add the metadata key classes (a JSON array).")
        }
        return (labels, ClassMap(from: names, to: classes))
    }
}
