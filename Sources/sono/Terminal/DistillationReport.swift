import EmbeddingSets
import Evaluation
import Refinement
import Training

/// What `train --distill` says when it is done.
struct DistillationReport: Encodable {
    let output: String
    /// Rows matched on.
    let rows: Int
    /// The update whose weights were kept; 0 where no training came nearer.
    let update: Int
    /// The teacher's weights in the student's steps, and the student, against the teacher.
    let before: Distillation.Match
    let after: Distillation.Match
    let teacher: Side
    let student: Side
    let seconds: Double

    /// One of the two: what it costs, and, on labelled validation rows, what it gives.
    struct Side: Encodable {
        let modelID: String
        let solver: String
        let steps: Int
        let evaluations: Int
        /// Processor time of a row in batches of 256 on one thread.
        let processorSecondsPerRow: Double
        let accuracy: Double?
        let macroF1: Double?
        let ece: Double?

        init(_ loaded: LoadedModel, on set: EmbeddingSet?, threads: Int?) throws {
            let refiner = try Refiner(model: loaded.model)
            let configuration = loaded.model.configuration
            var benchmark = CostBenchmark()
            benchmark.batches = [256]
            benchmark.parts = [.refinement]
            let workload =
                set.map { Workload($0) }
                ?? Workload(rows: 256, dimension: configuration.dimension, suppliesVelocity: false)
            processorSecondsPerRow =
                benchmark.run(loaded.model, [refiner], workload).costs.first?.processorSecondsPerRow ?? 0
            var report: EvaluationReport?
            if let set, let labels = set.labels, labels.contains(where: { $0 >= 0 }) {
                report = try Evaluator(refiner: refiner, threads: threads).evaluate(set)
            }
            (accuracy, macroF1, ece) = (report?.accuracy, report?.macroF1, report?.ece)
            (modelID, solver, steps) = (loaded.id, configuration.solver.rawValue, configuration.steps)
            evaluations = refiner.evaluations
        }
    }

    init(output: String, outcome: Distillation.Outcome, teacher: Side, student: Side, seconds: Double) {
        self.output = output
        (rows, update) = (outcome.rows, outcome.update)
        (before, after) = (outcome.before, outcome.after)
        (self.teacher, self.student) = (teacher, student)
        self.seconds = seconds
    }

    var text: String {
        var table = TextTable([
            ("", .left), ("solver", .left), ("steps", .right), ("evaluations", .right), ("CPU us/row", .right),
            ("accuracy", .right), ("macro-F1", .right), ("ECE", .right),
        ])
        for (name, side) in [("teacher", teacher), ("student", student)] {
            table.add(
                [
                    "\(name) \(side.modelID)", side.solver, "\(side.steps)", "\(side.evaluations)",
                    Figures.fixed(side.processorSecondsPerRow * 1e6, 2),
                ] + [side.accuracy, side.macroF1, side.ece].map { $0.map(Figures.percent) ?? "-" })
        }
        func words(_ match: Distillation.Match) -> String {
            "\(Figures.percent(match.agreement)) the same class, divergence \(Figures.fixed(match.divergence, 5)) nats, "
                + "x(T) off by \(Figures.percent(match.displacementError.squareRoot())) of the way"
        }
        var entries: [(String, String?)] = [
            ("model", "\(output), id \(student.modelID)"),
            ("matched on", "\(Figures.grouped(rows)) rows and their mixtures"),
            ("fewer steps alone", words(before)),
            ("after training", update > 0 ? words(after) : "no nearer: the teacher's weights were kept"),
        ]
        if let own = student.accuracy, let others = teacher.accuracy {
            entries.append(
                ("costs", "\(Figures.fixed((others - own) * 100, 2)) points of accuracy on the validation rows"))
        }
        entries.append(("took", Figures.duration(seconds)))
        return listing(entries) + "\n\n" + table.text
    }
}
