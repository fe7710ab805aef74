/// One way of serving a model: what it costs and what it gives. Shares are 0 to 1, times seconds.
public struct SweepPoint: Sendable, Codable, Equatable {
    /// The model's place in the list that was swept, from 0.
    public var model: Int
    public var order: Int
    /// `H`
    public var hidden: Int
    /// Weights that the model has.
    public var parameters: Int
    /// What the model was trained with: other steps than these serve it as an approximation.
    public var trainedSolver: String
    public var trainedSteps: Int
    public var solver: String
    public var steps: Int
    public var form: String
    /// Evaluations of `S` for each row.
    public var evaluations: Int
    /// Floating-point operations for each row, classification included, without padding: the cost that points are compared by.
    public var operations: Int

    public var accuracy: Double
    public var macroF1: Double
    public var ece: Double
    /// `|accuracy(n) - accuracy(4n)|`: much of it says that the steps are no solution of the equation, but a net of their own.
    public var consistencyGap: Double
    /// Median and largest distance of the refined unit vectors from dopri5 in double precision; nil at order 0.
    public var medianError: Double?
    public var largestError: Double?

    /// Processor time of a row in batches of 256 on one thread, and what such a batch takes.
    public var processorSecondsPerRow: Double
    public var p50: Double
    public var p95: Double
    /// Most memory that the process had resident while that was measured, program and rows included, in bytes; both forms
    /// together. Nil where the kernel does not count anew.
    public var peakMemory: Int?

    /// No other point costs as little and is as accurate.
    public var isOnFront = false
    /// The choice: the cheapest point that is no more than `SweepReport.tolerance` below the most accurate.
    public var isKnee = false
}

/// All points of a sweep, the cheapest first.
public struct SweepReport: Sendable, Codable {
    public var machine: Machine
    public var date: String
    /// Labelled rows that accuracy is counted on, and rows compared with dopri5.
    public var rows: Int
    public var auditedRows: Int
    public var points: [SweepPoint]
    /// What training the models came to, in their order, where they were trained for the sweep.
    public var trainings: [WidthTraining.Outcome]?
    /// Most memory the process has had resident, in bytes.
    public var peakMemory: Int
    /// How far below the best accuracy the knee may lie; fixed beforehand.
    public var tolerance = Self.kneeTolerance

    /// 0.2 points.
    public static let kneeTolerance = 0.002
}

extension [SweepPoint] {
    /// The points by cost, with the Pareto front and the knee marked. Of points that cost and give the same, all or none are on
    /// the front.
    public func judged(tolerance: Double = SweepReport.kneeTolerance) -> [SweepPoint] {
        var points = sorted {
            ($0.operations, -$0.accuracy, $0.processorSecondsPerRow)
                < ($1.operations, -$1.accuracy, $1.processorSecondsPerRow)
        }
        for i in points.indices {
            points[i].isOnFront = !points.contains { other in
                other.operations <= points[i].operations && other.accuracy >= points[i].accuracy
                    && (other.operations < points[i].operations || other.accuracy > points[i].accuracy)
            }
            points[i].isKnee = false
        }
        // Tolerance for what the sum of shares cannot hold exactly.
        let best = points.map(\.accuracy).max() ?? 0
        if let knee = points.firstIndex(where: { $0.accuracy >= best - tolerance - 1e-12 }) {
            points[knee].isKnee = true
        }
        return points
    }
}
