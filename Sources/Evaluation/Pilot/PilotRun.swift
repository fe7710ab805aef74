import Dynamics
import EmbeddingSets
import Failures
import Foundation
import Refinement
import Training

/// Trains, judges and times what a pilot's criteria ask for.
public struct PilotRun: Sendable {
    private let protocolRuns: FewShotProtocol
    private let prompts: TrainingRows
    private let options: TrainingOptions
    private let toolVersion: String

    public init(prompts: TrainingRows, options: TrainingOptions, toolVersion: String) {
        protocolRuns = FewShotProtocol(prompts: prompts, options: options, toolVersion: toolVersion)
        self.prompts = prompts
        self.options = options
        self.toolVersion = toolVersion
    }

    /// Measurements, and the runs that they come from.
    ///
    /// - Parameters:
    ///   - tasks: one for each draw, all with the same test rows.
    ///   - baselines: rivals; zero-shot, cross-modal-linear and order-0 are always among them.
    ///   - test: the test rows again, as they are served.
    ///   - progress: called before each run with the number of it, of all, and what it is.
    public func measure(
        _ tasks: [FewShotProtocol.Task], baselines: [Baseline], test: EmbeddingSet,
        progress: (Int, Int, String) -> Void
    ) throws -> (measured: PilotMeasurements, runs: [ProtocolRun]) {
        guard let first = tasks.first else { throw Failure(.invalidArgument, "a pilot needs at least one draw.") }
        let rivals = Baseline.allCases.filter {
            baselines.contains($0) || [.zeroShot, .crossModalLinear, .order0].contains($0)
        }
        let methods = [FewShotProtocol.model] + rivals.map(\.rawValue)
        var runs: [ProtocolRun] = []
        for (index, task) in tasks.enumerated() {
            for (number, method) in methods.enumerated() {
                progress(index * methods.count + number, tasks.count * methods.count, method)
                runs.append(try protocolRuns.run(method, task))
            }
        }
        let summary = ProtocolSummary([runs])
        func cell(_ name: String) throws -> ProtocolSummary.Cell {
            guard let cell = summary.means[name] else { throw Failure(.internal, "\(name) was not run: report this.") }
            return cell
        }
        func gain(_ name: String) throws -> PilotMeasurements.Gain {
            guard let rival = summary.rivals[name] else {
                throw Failure(.internal, "\(name) was not run: report this.")
            }
            return PilotMeasurements.Gain(
                rival: name, accuracy: rival.difference, low: rival.low, high: rival.high,
                macroF1: try cell(FewShotProtocol.model).macroF1 - cell(name).macroF1)
        }
        let controls = [Baseline.order0, .order1].map(\.rawValue)
        let best =
            try rivals.map(\.rawValue).filter { !controls.contains($0) }
            .max { try cell($0).accuracy < cell($1).accuracy } ?? Baseline.zeroShot.rawValue
        let own = runs.filter { $0.method == FewShotProtocol.model }
        let zeroShot = runs.filter { $0.method == Baseline.zeroShot.rawValue }
        var (lost, right) = (0, 0)
        for (model, before) in zip(own, zeroShot) {
            for (now, was) in zip(model.answers, before.answers) where was {
                right += 1
                if !now { lost += 1 }
            }
        }

        let start = Self.processorSeconds
        let trained = try train(first, options)
        let trainingSeconds = Self.processorSeconds - start
        let alone = try train(first, options.control(order: 0, dimension: prompts.dimension))
        var sweep = SolverSweep()
        sweep.solvers = Array(Set([.euler, .midpoint, .heun, .rk4, trained.model.configuration.solver]))
            .sorted { $0.rawValue < $1.rawValue }
        sweep.steps = [1, 2, max(1, trained.model.configuration.steps)].sorted().reduce(into: []) { steps, n in
            if steps.last != n { steps.append(n) }
        }
        sweep.auditedRows = 1
        let points = try sweep.run([trained.model, alone.model], on: test).points
        let configuration = trained.model.configuration
        let served = points.filter {
            $0.model == 0 && $0.solver == configuration.solver.rawValue && $0.steps == max(1, configuration.steps)
        }.min { $0.processorSecondsPerRow < $1.processorSecondsPerRow }
        let without = points.filter { $0.model == 1 }.min { $0.processorSecondsPerRow < $1.processorSecondsPerRow }
        guard let served, let without else { throw Failure(.internal, "the model was not timed: report this.") }
        let model = try cell(FewShotProtocol.model)
        return (
            PilotMeasurements(
                accuracy: model.accuracy, accuracyWithoutEquation: try cell(Baseline.order0.rawValue).accuracy,
                overBestBaseline: try gain(best), overLinearHead: try gain(Baseline.crossModalLinear.rawValue),
                overNoEquation: try gain(Baseline.order0.rawValue),
                negativeTransfer: right > 0 ? Double(lost) / Double(right) : 0, calibrationError: model.ece,
                baselineCalibrationError: try cell(best).ece, inconsistency: served.consistencyGap,
                batchSeconds: served.p95,
                // Weights as numbers, and once more packed.
                addedMemory: Double(8 * max(0, served.parameters - without.parameters)),
                secondsPerRow: served.processorSecondsPerRow,
                secondsPerRowWithoutEquation: without.processorSecondsPerRow, trainingSeconds: trainingSeconds,
                order: configuration.order,
                ways: points.map { point in
                    let solved =
                        point.order == 0 ? "order 0" : "\(point.solver), \(point.steps) steps, \(point.form) form"
                    // Compared by rows of the first draw; the model as it was trained is the measure.
                    return PilotMeasurements.Way(
                        name: solved, accuracy: point.accuracy - served.accuracy + model.accuracy,
                        secondsPerRow: point.processorSecondsPerRow)
                }), runs
        )
    }

    private func train(_ task: FewShotProtocol.Task, _ options: TrainingOptions) throws -> TrainedModel {
        var options = options
        options.seed = task.seed
        return try Trainer(options: options, toolVersion: toolVersion).train(
            support: task.support, prompts: prompts, validation: task.validation)
    }

    /// Of all threads of this process.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
