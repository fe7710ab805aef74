import ArgumentParser
import Dynamics
import EmbeddingSets
import Evaluation
import Failures
import Refinement
import TensorFiles

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what refining costs on this machine.",
        discussion: """
            For each batch size: operations executed, processor time a row, rows per second, the share of this machine's own \
            multiply-add peak, and how long a batch takes; for x(T) alone and for all that the service does. The first \
            batches are for warming up and not counted. SONO_KERNEL=avx512, avx2 or portable in the environment restricts \
            the instructions used.

            EXAMPLES
              sono bench --shape 512,256,100 --steps 4
              sono bench --model m.safetensors --batches 1,4096 --threads 2 --json
            """)

    @Option(help: "The model file.")
    var model: String?

    @Option(help: ArgumentHelp("Random weights of this shape instead of a model.", valueName: "D,H,C"))
    var shape: CommaSeparated?

    @Option(help: "Measure with the rows of this set, and its velocity if it has one, instead of random ones.")
    var rows: String?

    @Option(help: "With --shape: 2, 1 or 0.")
    var order: Int?

    @Option(help: "With --shape: tanh, gelu or silu.")
    var activation: Activation?

    @Flag(help: "With random rows: take the model's initial velocity, instead of supplying one with each row.")
    var ownVelocity = false

    @OptionGroup var solving: SolverOptions

    @Option(
        name: .customLong("form"),
        help: "Measure one form, direct or hidden, instead of both, the one that refine would choose first.")
    var space: RefinementForm?

    @Option(help: "Threads to compute with.")
    var threads = 1

    @Option(help: ArgumentHelp("Rows to a batch.", valueName: "n,..."))
    var batches = CommaSeparated([1, 32, 256, 4_096])

    @Option(help: "Measure each batch at least this often.")
    var repeats = Laps.Limits().repeats

    @Option(help: "Measure each batch for at least so many seconds.")
    var seconds = Laps.Limits().seconds

    @Flag(help: "Leave classification out.")
    var positionOnly = false

    @Option(help: "Write x(T) of all rows to this file, as the safetensors tensor `position`, to be compared.")
    var save: String?

    @OptionGroup var form: OutputForm

    func validate() throws {
        guard (model == nil) != (shape == nil) else { throw ValidationError("give either --model or --shape.") }
        if let shape {
            guard shape.values.count == 3 else { throw ValidationError("--shape is D,H,C, such as 512,256,100.") }
            guard solving.steps != nil else { throw ValidationError("--shape needs --steps.") }
        } else if order != nil || activation != nil {
            throw ValidationError("--order and --activation go with --shape; a model has its own.")
        }
        guard ((shape?.values ?? []) + batches.values).allSatisfy({ $0 > 0 }), threads > 0, repeats > 0 else {
            throw ValidationError("sizes, --threads and --repeats must be at least 1.")
        }
        guard seconds >= 0, seconds <= 3_600 else { throw ValidationError("--seconds must be 0 to 3600.") }
    }

    func run() throws {
        let model = try loaded()
        let refiners = try refiners(model)
        Messages.warn(refiners[0].warnings)
        let workload = try workload(model.configuration)
        if let save { try write(refiners[0], workload, to: save) }

        var benchmark = CostBenchmark()
        benchmark.batches = batches.values
        benchmark.threads = threads
        benchmark.limits = Laps.Limits(repeats: repeats, seconds: seconds)
        if positionOnly { benchmark.parts = [.position] }
        let bar = ProgressBar("measuring")
        let report = benchmark.run(model, refiners, workload) { bar.show($0, of: $1) }
        bar.finish()
        if form.json { return try Output.print(json: Document("sono-bench/1", report)) }
        try Output.print(CostText(report: report).text)
    }

    private func refiners(_ model: Model<Float>) throws -> [Refiner] {
        func refiner(_ form: RefinementForm?) throws -> Refiner {
            try Refiner(model: model, solver: solving.solver, steps: solving.steps, form: form)
        }
        let first = try refiner(space)
        guard space == nil, model.configuration.order > 0 else { return [first] }
        return [first] + (try RefinementForm.allCases.filter { $0 != first.form }.map(refiner))
    }

    private func loaded() throws -> Model<Float> {
        if let model {
            let loaded = try ModelFile.load(path: model)
            Messages.warn(loaded.warnings)
            return loaded.model
        }
        let shape = shape?.values ?? []
        var configuration = ModelConfiguration(dimension: shape[0], hidden: order == 0 ? 0 : shape[1])
        configuration.order = order ?? configuration.order
        configuration.activation = activation ?? configuration.activation
        configuration.solver = solving.solver ?? configuration.solver
        configuration.steps = solving.steps ?? configuration.steps
        try configuration.check()
        guard Double(shape[0]) * Double(shape[2]) <= 0x1p30 else {
            throw ValidationError("--shape \(shape[0]),\(shape[1]),\(shape[2]) is too large a classifier.")
        }
        return .synthetic(configuration, classes: shape[2])
    }

    private func workload(_ configuration: ModelConfiguration) throws -> Workload {
        if let rows {
            let set = try EmbeddingSet.read(path: rows)
            try set.checkCompatible(dimension: configuration.dimension, encoder: configuration.encoder)
            return Workload(set)
        }
        return Workload(
            rows: batches.values.max() ?? 1, dimension: configuration.dimension,
            suppliesVelocity: configuration.order == 2 && !ownVelocity)
    }

    private func write(_ refiner: Refiner, _ workload: Workload, to path: String) throws {
        var writer = SafetensorsWriter(metadata: ["producer": Sono.tool])
        try writer.add(
            "position", shape: [workload.rows, refiner.configuration.dimension],
            floats: workload.positions(refiner, threads: threads), as: .float32)
        try writer.write(to: path)
    }
}

extension Activation: ExpressibleByArgument {}

/// Whole numbers with commas between.
struct CommaSeparated: ExpressibleByArgument {
    let values: [Int]

    init(_ values: [Int]) {
        self.values = values
    }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        values = parts.compactMap { Int($0) }
        if values.count != parts.count { return nil }
    }

    var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
