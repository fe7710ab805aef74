import Dynamics
import Foundation
import Refinement

/// Measures what refining costs, batch size by batch size.
public struct CostBenchmark: Sendable {
    /// Rows to a batch, one measurement for each; never more than the workload has.
    public var batches = [1, 32, 256, 4_096]
    public var parts = CostReport.Part.allCases
    public var limits = Laps.Limits()
    /// Processor time is that of all of them together.
    public var threads = 1

    public init() {}

    /// - Parameters:
    ///   - model: what the refiners were made from.
    ///   - refiners: the ways to solve, with the same solver and steps; at least one.
    ///   - progress: called before each measurement with the number of it and of all.
    public func run(
        _ model: Model<Float>, _ refiners: [Refiner], _ workload: Workload,
        progress: (Int, Int) -> Void = { _, _ in }
    ) -> CostReport {
        precondition(!refiners.isEmpty, "there is something to measure")
        let (first, configuration) = (refiners[0], refiners[0].configuration)
        var report = CostReport(
            machine: .current, date: Date().formatted(.iso8601), kernel: first.kernel,
            dimension: configuration.dimension, hidden: configuration.hidden, classes: first.classes.count,
            order: configuration.order, activation: configuration.activation.rawValue,
            solver: configuration.solver.rawValue, steps: configuration.steps, evaluations: first.evaluations,
            velocity: workload.suppliesVelocity ? "supplied" : model.velocity != nil ? "network" : "zero",
            threads: threads, peak: MultiplyAddPeak.measure())
        let sizes = Set(batches.map { min($0, workload.rows) }).sorted()
        for refiner in refiners {
            for part in parts {
                for rows in sizes {
                    progress(report.costs.count, refiners.count * parts.count * sizes.count)
                    let solving = workload.suppliesVelocity ? refiner.operationsWithVelocity : refiner.operations
                    let operations = part == .position ? solving : solving + refiner.classificationOperations
                    report.costs.append(
                        cost(
                            refiner, part, rows, laps(refiner, part, rows, workload), operations: Double(operations),
                            peak: report.peak))
                }
            }
        }
        report.peakMemory = Machine.peakMemory
        return report
    }

    private func cost(
        _ refiner: Refiner, _ part: CostReport.Part, _ rows: Int, _ laps: Laps, operations: Double, peak: Double
    ) -> CostReport.Cost {
        let (wall, processor) = (Quantiles(laps.wall), Quantiles(laps.processor))
        let rate = operations * Double(rows) / processor.median
        return CostReport.Cost(
            form: refiner.form.rawValue, part: part, rows: rows, repeats: laps.count, operations: operations,
            processorSecondsPerRow: processor.median / Double(rows),
            processorSecondsPerRowP10: processor(0.1) / Double(rows), rowsPerSecond: Double(rows) / wall.median,
            operationsPerSecond: rate, shareOfPeak: rate / peak, p50: wall.median, p95: wall(0.95), p99: wall(0.99))
    }

    private func laps(_ refiner: Refiner, _ part: CostReport.Part, _ rows: Int, _ workload: Workload) -> Laps {
        switch part {
        case .position:
            var positions = [Float](repeating: 0, count: rows * refiner.configuration.dimension)
            return positions.withUnsafeMutableBufferPointer { positions in
                Laps(limits) {
                    workload.withRows(rows) { embeddings, velocity in
                        refiner.positions(
                            embeddings: embeddings, velocity: velocity, rows: rows, threads: threads, into: positions)
                    }
                }
            }
        case .refinement:
            return Laps(limits) {
                var columns = refiner.makeColumns(topK: 3, capacity: rows)
                workload.withRows(rows) { embeddings, velocity in
                    refiner.run(
                        embeddings: embeddings, velocity: velocity, rows: rows, threads: threads, into: &columns)
                }
            }
        }
    }
}
