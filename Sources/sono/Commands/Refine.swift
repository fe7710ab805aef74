import ArgumentParser
import Refinement

struct Refine: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Refine a file of embeddings with a model, without the service.",
        discussion: """
            OUT is an embedding set: `embeddings` F32 holds the refined unit vectors, beside `predicted` I32, `score` F32, \
            `status` U8 (0 ok, 1 non_finite, 2 zero_norm, 3 diverged) and the ids where IN has any. It appears whole or \
            not at all; if it is there already, made from the same input by the same model, nothing is done.

            EXAMPLE
              sono refine --model m.safetensors rows.npy refined.safetensors.zst
            """)

    @Option(help: "The model file.")
    var model: String

    @Option(help: "Threads to compute with; the result does not depend on it. (default: one to each core)")
    var threads: Int?

    @OptionGroup var solving: SolverOptions

    @Option(
        name: .customLong("form"),
        help:
            "Solve in the space of the embeddings (direct) or of the hidden layer (hidden). (default: the cheaper one)")
    var space: RefinementForm?

    @OptionGroup var form: OutputForm

    @Argument(help: "An embedding set or a two-dimensional .npy, bare or zstd.")
    var input: String

    @Argument(help: "The file to write; compressed if its name ends in .zst.")
    var output: String

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    func run() throws {
        let start = ContinuousClock.now
        let model = try ModelFile.load(path: model)
        let file = try RefinedSetFile(
            model: model, solver: solving.solver, steps: solving.steps, form: space, threads: threads, tool: Sono.tool)
        let bar = ProgressBar("refining")
        defer { bar.finish() }
        let outcome = try file.refine(input, into: output) { bar.show($0, of: $1) }
        bar.finish()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        Messages.warn(outcome.warnings)

        if form.json {
            return try Output.print(json: Document("sono-refine/1", Report(outcome, model: model, seconds: seconds)))
        }
        if outcome.wasComplete {
            return Messages.say("\(output) is complete for this input and model: nothing to do.")
        }
        let failed = outcome.statuses.filter { $0.key != RowStatus.ok.name }.sorted { $0.key < $1.key }
        let exceptions = failed.map { ", \(Figures.grouped($0.value)) \($0.key)" }.joined()
        Messages.say(
            "\(Figures.grouped(outcome.rows)) rows to \(output) (\(Figures.bytes(outcome.outputBytes))) in "
                + "\(Figures.duration(seconds))\(exceptions)")
    }

    private struct Report: Encodable {
        let rows: Int
        let dimension: Int
        let statuses: [String: Int]
        let wasComplete: Bool
        let inputSHA256: String
        let modelID: String
        let outputBytes: Int
        let seconds: Double

        init(_ outcome: RefinedSetFile.Outcome, model: LoadedModel, seconds: Double) {
            rows = outcome.rows
            dimension = outcome.dimension
            statuses = outcome.statuses
            wasComplete = outcome.wasComplete
            inputSHA256 = outcome.inputSHA256
            modelID = model.id
            outputBytes = outcome.outputBytes
            self.seconds = seconds
        }
    }
}
