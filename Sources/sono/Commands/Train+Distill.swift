import EmbeddingSets
import Evaluation
import Failures
import Refinement
import TensorFiles
import Training

extension Train {
    /// `--distill`: instead of training anew, a student of `path` that takes fewer evaluations.
    func runDistillation(of path: String) throws {
        let start = ContinuousClock.now
        try AtomicFile.checkTarget(output)
        let teacher = try ModelFile.load(path: path)
        var distillation = Distillation()
        if let solver, let steps { distillation.solving = (solver, steps) }
        distillation.seed = seed
        distillation.threads = threads
        let judged = try validation.map { try EmbeddingSet.read(path: $0) }
        Messages.warn(teacher.warnings)
        if let judged, let validation { Messages.warn(judged.warnings, of: validation) }
        let sets = try [support, prompts].map { path in
            let set = try EmbeddingSet.read(path: path)
            Messages.warn(set.warnings, of: path)
            return MatchingRows.of(set)
        }
        let bar = ProgressBar("distilling")
        defer { bar.finish() }
        let outcome = try distillation.run(teacher: teacher, rows: sets, validation: judged.map(MatchingRows.of)) {
            bar.show($0, of: $1)
        }
        bar.finish()
        try ModelFile.save(outcome.student, to: output)
        let student = try ModelFile.load(path: output)
        let report = DistillationReport(
            output: output, outcome: outcome,
            teacher: try DistillationReport.Side(teacher, on: judged, threads: threads),
            student: try DistillationReport.Side(student, on: judged, threads: threads),
            seconds: (ContinuousClock.now - start) / .seconds(1))
        if form.json { return try Output.print(json: Document("sono-distillation/1", report)) }
        try Output.print(report.text)
    }
}

/// Rows to match on: their labels play no part, so that none need be there.
private enum MatchingRows {
    static func of(_ set: EmbeddingSet) -> TrainingRows {
        TrainingRows(
            dimension: set.dimension, embeddings: set.embeddings, labels: [Int32](repeating: -1, count: set.rows),
            classes: [], velocity: set.velocity, encoder: set.encoder, sha256: set.sha256)
    }
}
