import ArgumentParser
import Dynamics
import EmbeddingSets
import Evaluation
import Refinement

struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what each solver, step count and form costs and gives.",
        discussion: """
            Serves the models by every solver and step count that can be, in both forms: accuracy on labelled rows, distance \
            from dopri5 in double precision, operations and time of a row. Marked * are the points that no other beats in \
            both accuracy and operations, and <- the cheapest within 0.2 points of the best. The gap is how far accuracy \
            moves with four times the steps: a model trained with coarse steps need not gain from finer ones.

            EXAMPLE
              sono sweep --model m.safetensors --test validation.safetensors.zst \\
                --steps 1,2,4
            """)

    @Option(parsing: .upToNextOption, help: "The model files; several of other widths are compared in one table.")
    var model: [String]

    @Option(help: "The labelled embedding set. To choose by, take one that is not the test set.")
    var test: String

    @Option(help: ArgumentHelp("Step counts.", valueName: "n,..."))
    var steps = CommaSeparated([1, 2, 3, 4, 8])

    @Option(parsing: .upToNextOption, help: "The solvers. (default: all that can solve the model)")
    var solvers: [Solver] = Solver.allCases

    @Option(help: "Rows to compare with dopri5; each takes milliseconds.")
    var rows = 100

    @OptionGroup var form: OutputForm

    func validate() throws {
        guard steps.values.allSatisfy({ (1...2_500).contains($0) }), rows > 0 else {
            throw ValidationError(
                "--steps must be 1 to 2500, since each is tried four times finer too; --rows at least 1.")
        }
    }

    func run() throws {
        let loaded = try model.map { try ModelFile.load(path: $0) }
        let set = try EmbeddingSet.read(path: test)
        Messages.warn(loaded.flatMap(\.warnings) + set.warnings)
        var sweep = SolverSweep()
        sweep.solvers = solvers
        sweep.steps = steps.values
        sweep.auditedRows = rows
        let bar = ProgressBar("sweeping")
        defer { bar.finish() }
        let report = try sweep.run(loaded.map(\.model), on: set) { bar.show($0, of: $1) }
        bar.finish()
        if form.json { return try Output.print(json: Document("sono-sweep/1", report)) }
        try Output.print(SweepText(report: report, names: model).text)
    }
}
