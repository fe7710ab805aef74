import ArgumentParser
import Dynamics
import EmbeddingSets
import Evaluation
import Refinement
import TensorFiles
import Training

struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what each solver, step count and form costs and gives.",
        discussion: """
            Serves the models by every solver and step count that can be, in both forms: accuracy on labelled rows, distance \
            from dopri5 in double precision, operations and time of a row. Marked * are the points that no other beats in \
            both accuracy and operations, and <- the cheapest within 0.2 points of the best. The gap is how far accuracy \
            moves with four times the steps: a model trained with coarse steps need not gain from finer ones. Memory is \
            the most that the process had resident while the point was measured.

            With --widths no model is given: one of each hidden width is trained on --support and --prompts by the recipe \
            "standard", with the steps that the table tells, and then swept. With --sensitivity the settings of the \
            equation are halved and doubled one at a time (horizon, steps, mix, penalty; the initial velocity is learned \
            or zero), a model is trained by gradients with each, and judged on --test, which chooses nothing.

            EXAMPLES
              sono sweep --model m.safetensors --test validation.safetensors.zst \\
                --steps 1,2,4
              sono sweep --widths 32,64,128 --support support.safetensors.zst \\
                --prompts prompts.safetensors.zst \\
                --test validation.safetensors.zst --steps 1,2,4
              sono sweep --sensitivity --support support.safetensors.zst \\
                --prompts prompts.safetensors.zst --test test.safetensors.zst \\
                --validation validation.safetensors.zst
            """)

    @Option(parsing: .upToNextOption, help: "The model files; several of other widths are compared in one table.")
    var model: [String] = []

    @Option(help: ArgumentHelp("Hidden widths to train models of.", valueName: "H,..."))
    var widths: CommaSeparated?

    @Flag(help: "Train with one setting of the equation changed at a time.")
    var sensitivity = false

    @Option(help: "Labelled rows to train on.")
    var support: String?

    @Option(help: "Prompt embeddings of every class.")
    var prompts: String?

    @Option(help: "Labelled rows that training chooses by.")
    var validation: String?

    @Option(help: "Rows a class to draw from the support set. (default: all)")
    var shots: Int?

    @Option(help: "What is drawn and how the weights start.")
    var seed: UInt64 = 1

    @Option(help: "The labelled embedding set. To choose by, take one that is not the test set.")
    var test: String

    @Option(help: ArgumentHelp("Step counts. (default: 1,2,3,4,8)", valueName: "n,..."))
    var steps: CommaSeparated?

    @Option(parsing: .upToNextOption, help: "The solvers. (default: all that can solve the model)")
    var solvers: [Solver] = []

    @Option(help: "Rows to compare with dopri5; each takes milliseconds. (default: 100)")
    var rows: Int?

    @Option(help: "Write a page for a browser here.")
    var report: String?

    @OptionGroup var form: OutputForm

    func validate() throws {
        guard steps?.values.allSatisfy({ (1...2_500).contains($0) }) ?? true, rows ?? 1 > 0 else {
            throw ValidationError(
                "--steps must be 1 to 2500, since each is tried four times finer too; --rows at least 1.")
        }
        guard [!model.isEmpty, widths != nil, sensitivity].count(where: { $0 }) == 1 else {
            throw ValidationError("Give one of --model, --widths and --sensitivity.")
        }
        guard model.isEmpty == (support != nil && prompts != nil), model.isEmpty || validation == nil && shots == nil
        else {
            throw ValidationError("--widths and --sensitivity need --support and --prompts, and --model takes neither.")
        }
        guard widths?.values.allSatisfy({ (1...TrainingOptions.widest / 3).contains($0) }) ?? true, shots ?? 1 > 0
        else {
            throw ValidationError("--widths must be 1 to \(TrainingOptions.widest / 3), --shots at least 1.")
        }
        if sensitivity, steps != nil || rows != nil || !solvers.isEmpty {
            throw ValidationError("--sensitivity serves each model as it was trained: no --steps, --solvers, --rows.")
        }
    }

    func run() throws {
        if let report { try AtomicFile.checkTarget(report) }
        let set = try EmbeddingSet.read(path: test)
        Messages.warn(set.warnings, of: test)
        if sensitivity { return try tellSensitivity(on: set) }
        let (models, names, trainings) = try widths.map(trained) ?? loaded()
        var sweep = SolverSweep()
        if !solvers.isEmpty { sweep.solvers = solvers }
        if let steps { sweep.steps = steps.values }
        if let rows { sweep.auditedRows = rows }
        let bar = ProgressBar("sweeping")
        defer { bar.finish() }
        var swept = try sweep.run(models, on: set) { bar.show($0, of: $1) }
        swept.trainings = trainings
        bar.finish()
        if form.json {
            try Output.print(json: Document("sono-sweep/1", swept))
        } else {
            try Output.print(SweepText(report: swept, names: names).text)
        }
        if let report { try SweepPage(swept, names: names).write(to: report) }
    }

    private typealias Candidates = (models: [Model<Float>], names: [String], trainings: [WidthTraining.Outcome]?)

    private func loaded() throws -> Candidates {
        let loaded = try model.map { try ModelFile.load(path: $0) }
        Messages.warn(loaded.flatMap(\.warnings))
        return (loaded.map(\.model), model, nil)
    }

    private func trained(_ widths: CommaSeparated) throws -> Candidates {
        var options = TrainingOptions.standard
        options.seed = seed
        let training = WidthTraining(widths: widths.values, options: options, toolVersion: Sono.version)
        let rows = try trainingRows()
        let bar = ProgressBar("training")
        defer { bar.finish() }
        let (models, outcomes) = try training.run(
            support: rows.support, prompts: rows.prompts, validation: rows.validation
        ) { bar.show($0, of: $1) }
        return (models, widths.values.map { "H \($0)" }, outcomes)
    }

    private func tellSensitivity(on set: EmbeddingSet) throws {
        let recipe = TrainingOptions.standard
        var sensitivity = Sensitivity(solver: recipe.solver, steps: recipe.steps, toolVersion: Sono.version)
        sensitivity.seed = seed
        let rows = try trainingRows()
        let bar = ProgressBar("training")
        defer { bar.finish() }
        let varied = try sensitivity.run(
            support: rows.support, prompts: rows.prompts, validation: rows.validation, on: set
        ) { bar.show($0, of: $1) }
        bar.finish()
        if form.json {
            try Output.print(json: Document("sono-sensitivity/1", varied))
        } else {
            try Output.print(SensitivityText(report: varied).text)
        }
        if let report { try SweepPage(varied).write(to: report) }
    }

    private func trainingRows() throws -> (support: TrainingRows, prompts: TrainingRows, validation: TrainingRows?) {
        func rows(_ path: String) throws -> TrainingRows {
            let set = try EmbeddingSet.read(path: path)
            Messages.warn(set.warnings, of: path)
            return try TrainingRows(set, name: path)
        }
        guard let support, let prompts else { throw ValidationError("--support and --prompts are missing.") }
        var drawn = try rows(support)
        if let shots { drawn = try drawn.selecting(FewShotDraw(shots: shots, seed: seed, from: drawn).rows) }
        return (drawn, try rows(prompts), try validation.map(rows))
    }
}
