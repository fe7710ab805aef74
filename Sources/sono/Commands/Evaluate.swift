import ArgumentParser
import EmbeddingSets
import Evaluation
import Refinement

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge a model on a labelled set it was not trained on.",
        discussion: """
            Accuracy, macro-F1 (the mean over all classes, undefined = 0), ECE over 15 bins of equal width, log loss, the \
            scores of each class and the commonest mistakes; with --prompts also zero-shot on the same rows, among the classes \
            that have prompts.

            EXAMPLE
              sono evaluate --model m.safetensors --test test.safetensors.zst \\
                --prompts prompts.safetensors.zst
            """)

    @Option(help: "The model file.")
    var model: String

    @Option(help: "The labelled embedding set.")
    var test: String

    @Option(help: "Prompt embeddings, for zero-shot on the same rows.")
    var prompts: String?

    @Option(help: "Threads to compute with; the result does not depend on it. (default: one to each core)")
    var threads: Int?

    @OptionGroup var solving: SolverOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    func run() throws {
        let model = try ModelFile.load(path: model)
        let refiner = try Refiner(model: model.model, solver: solving.solver, steps: solving.steps)
        let set = try EmbeddingSet.read(path: test)
        let prompts = try prompts.map { try EmbeddingSet.read(path: $0) }
        let report = try Evaluator(refiner: refiner, threads: threads).evaluate(set, prompts: prompts)

        Messages.warn(model.warnings + refiner.warnings + set.warnings + report.warnings)
        if form.json {
            return try Output.print(json: Document("sono-evaluation/1", Judged(report: report, modelID: model.id)))
        }
        try Output.print(EvaluationText(report: report, modelID: model.id).text)
    }

    /// The report, and whose it is.
    private struct Judged: Encodable {
        let report: EvaluationReport
        let modelID: String

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(modelID, forKey: .modelID)
        }

        private enum Key: String, CodingKey {
            case modelID
        }
    }
}
