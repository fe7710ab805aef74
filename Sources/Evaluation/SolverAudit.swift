import Dynamics
import EmbeddingSets
import Failures
import Refinement

/// How far fixed steps in single precision are from the equation's own solution, on real rows.
public struct SolverAudit: Sendable, Encodable {
    public var solver: String
    public var steps: Int
    public var form: String
    /// Evaluations of `S` for a row as served.
    public var evaluations: Int
    /// Rows compared.
    public var rows: Int
    /// Rows left out: not usable, or with a solution that runs away.
    public var rowsLeftOut: Int
    /// Median and largest distance `|y - y*|` of the refined unit vectors, `y*` by dopri5 in double precision.
    public var medianError: Double
    public var largestError: Double
    /// Rows whose best class is another one with `y*`.
    public var classChanges: Int
    /// The tolerance that dopri5 kept, and what that took: mean evaluations a row.
    public var tolerance: Double
    public var referenceEvaluations: Double

    /// Compares up to `most` rows, spread evenly over the set. Costs some milliseconds a row.
    ///
    /// - Throws: `model_invalid`, `dimension_mismatch`, `encoder_mismatch`; `no_rows` if none can be compared.
    public init(
        model: Model<Float>, refiner: Refiner, set: EmbeddingSet, most: Int, tolerance: Double = 1e-10
    ) throws {
        let configuration = refiner.configuration
        try set.checkCompatible(dimension: configuration.dimension, encoder: configuration.encoder)
        let reference = try ReferenceRefiner(model: model, tolerance: tolerance)
        let d = set.dimension
        let count = min(most, set.rows)
        var errors: [Double] = []
        var spent = 0
        (solver, steps) = (configuration.solver.rawValue, configuration.steps)
        (form, evaluations) = (refiner.form.rawValue, refiner.evaluations)
        classChanges = 0
        for i in 0..<count {
            let span = i * set.rows / count * d..<(i * set.rows / count + 1) * d
            let row = Array(set.embeddings[span])
            let velocity = set.velocity.map { Array($0[span]) }
            let served = Self.refine(row, velocity, with: refiner)
            guard served.status == .ok, let truth = reference.refine(row, velocity: velocity) else { continue }
            errors.append(
                zip(served.refined, truth.refined).reduce(0) { sum, pair in
                    let difference = Double(pair.0) - pair.1
                    return sum + difference * difference
                }.squareRoot())
            spent += truth.evaluations
            if Self.best(truth.logits) != Int(served.best) { classChanges += 1 }
        }
        errors.sort()
        guard let largest = errors.last else {
            throw Failure(.noRows, "none of the \(count) rows looked at can be refined: look at how they were made.")
        }
        rows = errors.count
        rowsLeftOut = count - errors.count
        medianError = errors[errors.count / 2]
        largestError = largest
        self.tolerance = tolerance
        referenceEvaluations = Double(spent) / Double(errors.count)
    }

    private static func refine(
        _ row: [Float], _ velocity: [Float]?, with refiner: Refiner
    ) -> (status: RowStatus, refined: [Float], best: Int32) {
        var columns = refiner.makeColumns(topK: 1)
        var refined = [Float](repeating: 0, count: row.count)
        row.withUnsafeBufferPointer { row in
            refined.withUnsafeMutableBufferPointer { refined in
                if let velocity {
                    velocity.withUnsafeBufferPointer { velocity in
                        refiner.run(
                            embeddings: row, velocity: velocity, rows: 1, threads: 1, into: &columns,
                            refined: refined)
                    }
                } else {
                    refiner.run(embeddings: row, rows: 1, threads: 1, into: &columns, refined: refined)
                }
            }
        }
        return (columns.statuses[0], refined, columns.topClasses[0])
    }

    private static func best(_ logits: [Double]) -> Int? {
        logits.indices.max { logits[$0] < logits[$1] }
    }
}
