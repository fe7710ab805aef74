import ArgumentParser
import Dynamics
import EmbeddingSets
import Failures
import Refinement
import TensorFiles
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model from a few labelled rows a class and text prompts.",
        discussion: """
            The classifier starts from the prompts' mean embeddings, and prompts are also training rows. It is blended with a \
            Gaussian discriminant; then the initial velocity, then the field are fitted to what is still missing, in closed \
            form, by rows that the fit has not seen. Everything is chosen on the --validation rows and on each fifth of the \
            support rows by fits without it; with one row a class and no --validation nothing can be chosen. Where moving the \
            embeddings does not pay, the model is a classifier alone (order 0), and where that does not beat zero-shot, the \
            zero-shot start is saved; both are said. --budget fast is narrow, thorough is wide and also trains by gradients \
            through the very steps that serving runs, and keeps the likelier model.

            Solver and steps become part of the model and have no defaults of their own: give both, or neither, and the \
            recipe "standard" takes \(TrainingOptions.standard.solver.rawValue) in \
            \(TrainingOptions.standard.steps) step, which is printed and recorded in the model.

            With --from a head is also fitted over what another model learned on other classes of the same encoder, and the \
            likelier of the two is kept on the rows to choose by, or the new one where there are none; the other's field and \
            initial velocity stay as they are, and so does how it is solved, unless --solver and --steps say otherwise.

            With --distill a model that is already trained teaches one that takes fewer evaluations, in one step of one \
            evaluation unless --solver and --steps say otherwise: the student starts with its weights and is matched to \
            where it takes the rows of --support and --prompts, labelled or not, and to its probabilities. What that costs \
            in accuracy is told on --validation, which also chooses when to stop.

            EXAMPLES
              sono train --support support.safetensors.zst \\
                --prompts prompts.safetensors.zst --validation validation.safetensors.zst \\
                --shots 16 --seed 1 --output model.safetensors
              sono train --distill model.safetensors --support support.safetensors.zst \\
                --prompts prompts.safetensors.zst --validation validation.safetensors.zst \\
                --output student.safetensors
            """)

    @Option(help: "Labelled rows to train on.")
    var support: String

    @Option(help: "Prompt embeddings of every class; their classes are the model's.")
    var prompts: String

    @Option(help: "Labelled rows to choose the setting, the epoch and the temperature by.")
    var validation: String?

    @Option(help: "Rows a class to draw from the support set. (default: all)")
    var shots: Int?

    @Option(help: "What is drawn and how the weights start; the same seed gives the same model.")
    var seed: UInt64 = 1

    @Option(help: "A file of fixed draws, {shots: {seed: [rows]}}, instead of drawing.")
    var draws: String?

    @Option(help: "The same for the validation rows.")
    var validationDraws: String?

    @Option(help: "2: x'' = S(x, x', t); 1: x' = S(x, t); 0: no equation. (default: 2)")
    var order: Int?

    @Option(help: "How hard to search: fast, standard or thorough. (default: standard)")
    var budget: Budget?

    @Option(help: "H, the width of the field's hidden layer, at most. (default: by the budget)")
    var hidden: Int?

    @Option(help: "How to solve, now and in serving: \(Solver.names). Goes with --steps.")
    var solver: Solver?

    @Option(help: "How many steps to take, now and in serving. Goes with --solver.")
    var steps: Int?

    @Option(help: "Threads to compute with; the model does not depend on it. (default: one to each core)")
    var threads: Int?

    @Option(help: "A model of the same encoder, of any classes, to start from where that pays.")
    var from: String?

    @Option(help: "A trained model to teach a cheaper one, instead of training anew.")
    var distill: String?

    @Option(help: "The model file to write.")
    var output: String

    @OptionGroup var form: OutputForm

    func validate() throws {
        if draws != nil, shots == nil { throw ValidationError("--draws needs --shots.") }
        if validationDraws != nil, validation == nil { throw ValidationError("--validation-draws needs --validation.") }
        if validationDraws != nil, shots == nil { throw ValidationError("--validation-draws needs --shots.") }
        if distill != nil, from != nil {
            throw ValidationError("--distill starts from the model it distils: leave out --from.")
        }
        if distill != nil, order != nil || hidden != nil || budget != nil {
            throw ValidationError(
                "--distill keeps the order and the width of the model: leave out --order, --hidden and --budget.")
        }
        if distill != nil, draws != nil || validationDraws != nil || shots != nil {
            throw ValidationError("--distill matches all rows: leave out --shots and draws.")
        }
        if (solver == nil) != (steps == nil) { throw ValidationError("--solver and --steps go together: give both.") }
        if let order, !(0...2).contains(order) { throw ValidationError("--order must be 2, 1 or 0.") }
        for (name, value) in [("shots", shots), ("hidden", hidden), ("steps", steps), ("threads", threads)] {
            if let value, value < 1 { throw ValidationError("--\(name) must be at least 1.") }
        }
    }

    func run() throws {
        if let distill { return try runDistillation(of: distill) }
        let start = ContinuousClock.now
        try AtomicFile.checkTarget(output)
        let all = try Self.rows(support)
        let draw = try chosen(from: all, file: draws)
        let judged = try validation.map { path in
            let all = try Self.rows(path)
            return try all.selecting(chosen(from: all, file: validationDraws, fixed: true).rows)
        }
        let source = try from.map { try ModelFile.load(path: $0) }
        if let order, let own = source?.model.configuration.order, own != order {
            throw Failure(
                .invalidArgument, "--from is of order \(own): leave out --order \(order), or start from another model.")
        }
        let trainer = Trainer(options: options, toolVersion: Sono.version)
        let bar = ProgressBar("training")
        defer { bar.finish() }
        let trained = try trainer.train(
            support: try all.selecting(draw.rows), prompts: try Self.rows(prompts), validation: judged, from: source,
            draw: draw
        ) { bar.show($0) }
        bar.finish()
        try ModelFile.save(trained.model, to: output)
        let report = TrainingReport(
            trained, model: try ModelFile.load(path: output), output: output,
            seconds: (ContinuousClock.now - start) / .seconds(1))
        Messages.warn(trained.warnings)
        if form.json {
            try Output.print(json: Document("sono-training/1", report))
        } else {
            try Output.print(report.text)
        }
    }

    private var options: TrainingOptions {
        var solving: (Solver, Int)?
        if let solver, let steps { solving = (solver, steps) }
        var options = TrainingOptions(budget: budget ?? .standard, solving: solving)
        options.order = order ?? options.order
        if let hidden { options.setWidth(hidden) }
        options.seed = seed
        options.threads = threads
        return options
    }

    private static func rows(_ path: String) throws -> TrainingRows {
        let set = try EmbeddingSet.read(path: path)
        Messages.warn(set.warnings, of: path)
        return try TrainingRows(set, name: path)
    }

    /// - Parameter fixed: whether rows are only drawn where a file says which; otherwise all are taken.
    private func chosen(from rows: TrainingRows, file: String?, fixed: Bool = false) throws -> FewShotDraw {
        guard let shots else { return try FewShotDraw(all: rows) }
        if let file { return try FewShotDraw(shots: shots, seed: seed, fromFile: file) }
        return fixed ? try FewShotDraw(all: rows) : try FewShotDraw(shots: shots, seed: seed, from: rows)
    }
}

extension Budget: ExpressibleByArgument {}
