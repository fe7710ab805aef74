import ArgumentParser
import EmbeddingSets
import Evaluation
import Failures
import Refinement
import TensorFiles
import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge a model on a labelled set it was not trained on.",
        discussion: """
            Accuracy, macro-F1 (the mean over all classes, undefined = 0), ECE over 15 bins of equal width, log loss, the \
            scores of each class and the commonest mistakes; with --prompts also zero-shot on the same rows, among the classes \
            that have prompts.

            With --baselines also other classifiers, fitted here and now to --support and --prompts. Their settings and their \
            temperature are chosen as training does it: on --validation, or, without it, on a quarter of the support \
            rows that a first fit leaves out. Give the rows that the model was trained on, and the figures compare. The controls order-0 and order-1 follow the recipe in \
            the model's manifest, order-1 with as many parameters.

            With --diagnostics also what refinement does to the features: how well classes stand apart before and after, \
            which of zero-shot's answers are lost and gained (with --prompts), and how far, how fast and how straight \
            \(Evaluator.followedRows) of the rows go, followed in double precision.

            With --shift-test also the same on other sets of the same classes, say from another camera or year: model and \
            baselines stay as they are, so that the table shows how much of their accuracy travels.

            With --protocol few-shot no model is given: one is trained for each draw, by the recipe of --budget, and judged \
            beside the baselines; --support is the pool to draw from. Every finished run is kept in --output, and the same \
            command goes on where it stopped. --pooled FILES prints finished files of several sets as one.

            EXAMPLES
              sono evaluate --model m.safetensors --test test.safetensors.zst \\
                --prompts prompts.safetensors.zst --baselines all \\
                --support support.safetensors.zst --validation validation.safetensors.zst
              sono evaluate --protocol few-shot --support pool.safetensors.zst \\
                --prompts prompts.safetensors.zst --validation validation.safetensors.zst \\
                --test test.safetensors.zst --output runs.jsonl
            """)

    @Option(help: "The model file.")
    var model: String?

    @Option(help: "The labelled embedding set.")
    var test: String?

    @Option(help: "Prompt embeddings, for zero-shot on the same rows.")
    var prompts: String?

    @Option(help: "all, or some of \(BaselineList.names), with commas between.")
    var baselines: BaselineList?

    @Option(help: "Labelled rows to fit the baselines to.")
    var support: String?

    @Option(help: "Labelled rows to choose the baselines' settings and temperatures by.")
    var validation: String?

    @Option(parsing: .upToNextOption, help: "Labelled sets of the same classes under another distribution.")
    var shiftTest: [String] = []

    @Flag(help: "Also say what refinement does to the features. Takes seconds.")
    var diagnostics = false

    @Option(help: "Threads to compute with; the result does not depend on it. (default: one to each core)")
    var threads: Int?

    @OptionGroup(title: "Protocol") var few: ProtocolOptions
    @OptionGroup var solving: SolverOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
        guard few.pooled.isEmpty else { return }
        if test == nil { throw ValidationError("--test is missing: the labelled rows to judge on.") }
        if few.name != nil {
            if support == nil || prompts == nil { throw ValidationError("--protocol needs --support and --prompts.") }
            if !shiftTest.isEmpty { throw ValidationError("--shift-test is for a --model.") }
            if diagnostics { throw ValidationError("--diagnostics is for a --model: --protocol keeps none.") }
            if model != nil { throw ValidationError("--protocol trains its own models: leave out --model.") }
            return
        }
        if model == nil { throw ValidationError("--model is missing: the model to judge.") }
        if baselines != nil, support == nil || prompts == nil {
            throw ValidationError("--baselines needs --support and --prompts.")
        }
        if baselines == nil, support != nil || validation != nil {
            throw ValidationError("--support and --validation are for --baselines.")
        }
    }

    func run() throws {
        guard few.pooled.isEmpty else { return try few.pool(form) }
        if few.name != nil, let support, let prompts, let test {
            return try few.run(
                support: support, prompts: prompts, validation: validation, test: test,
                baselines: baselines?.chosen ?? Baseline.allCases, threads: threads, form: form)
        }
        guard let path = model, let test else { return }
        if let page = few.report { try AtomicFile.checkTarget(page) }
        let model = try ModelFile.load(path: path)
        let refiner = try Refiner(model: model.model, solver: solving.solver, steps: solving.steps)
        let set = try EmbeddingSet.read(path: test)
        let shifted = try shiftTest.map { path in try Self.naming(path) { try EmbeddingSet.read(path: path) } }
        let prompts = try prompts.map { try EmbeddingSet.read(path: $0) }
        let evaluator = Evaluator(refiner: refiner, threads: threads)
        var report = try evaluator.evaluate(set, prompts: prompts)
        let others = try zip(shiftTest, shifted).map { path, set in
            try Self.naming(path) { try evaluator.evaluate(set, prompts: prompts) }
        }
        var fitted: [[String: BaselineReport]]?
        if diagnostics { report.diagnostics = try evaluator.diagnose(set, model: model.model, prompts: prompts) }
        if let baselines, let support, let prompts {
            // The recipe's controls are solved as the model is, which may have been distilled or transferred since.
            var options = (TrainingOptions(manifest: model.model.training) ?? .standard)
                .solved(as: model.model.configuration)
            options.threads = threads
            let comparison = try BaselineComparison(
                support: try rows(support), prompts: try TrainingRows(prompts, name: "the prompts"),
                validation: try validation.map(rows), options: options)
            report.warnings += comparison.warnings
            fitted = try comparison.reports(baselines.chosen, on: [set] + shifted)
            report.baselines = fitted?.first
        }
        if !shifted.isEmpty {
            report.shifts = shiftTest.enumerated().map { index, name in
                EvaluationReport.Shift(name, others[index], baselines: fitted?[index + 1])
            }
            for (index, path) in shiftTest.enumerated() {
                report.warnings += (shifted[index].warnings + others[index].warnings).map { "\(path): \($0)" }
            }
        }

        Messages.warn(model.warnings + refiner.warnings)
        Messages.warn(set.warnings, of: test)
        Messages.warn(report.warnings)
        if form.json {
            try Output.print(json: Document("sono-evaluation/1", Judged(report: report, modelID: model.id)))
        } else {
            try Output.print(EvaluationText(report: report, model: model).text)
        }
        // Last, so that a page which cannot be written costs no results.
        guard let page = few.report else { return }
        try EvaluationPage(
            report, modelID: model.id, parameters: model.model.weightCount,
            projection: evaluator.project(set, model: model.model, prompts: prompts)
        ).write(to: page)
    }

    /// The same failure with the set that it is about.
    private static func naming<Value>(_ path: String, _ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch let failure as Failure {
            throw Failure(failure.code, "\(path): \(failure.message)", cause: failure.cause)
        }
    }

    private func rows(_ path: String) throws -> TrainingRows {
        let set = try EmbeddingSet.read(path: path)
        Messages.warn(set.warnings, of: path)
        return try TrainingRows(set, name: path)
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

/// Baselines as an option names them.
struct BaselineList: ExpressibleByArgument {
    let chosen: [Baseline]

    static var names: String { Baseline.allCases.map(\.rawValue).joined(separator: ", ") }

    init?(argument: String) {
        if argument == "all" {
            chosen = Baseline.allCases
            return
        }
        let named = argument.split(separator: ",").map { Baseline(rawValue: String($0)) }
        chosen = named.compactMap(\.self)
        guard !chosen.isEmpty, chosen.count == named.count else { return nil }
    }
}
