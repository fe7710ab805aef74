import Dynamics
import Failures
import TensorFiles

/// What one file of pipeline.d says; its name is the pipeline's name.
public struct PipelineConfiguration: Sendable, Equatable {
    /// Type of the refined vectors kept for each job.
    public enum Features: String, CaseIterable, Sendable {
        case none, float16, float32

        public var elementType: ElementType? {
            switch self {
            case .none: nil
            case .float16: .float16
            case .float32: .float32
            }
        }
    }

    public struct Limits: Sendable, Equatable {
        /// Rows of one batch.
        public var rows = 2_000_000
        /// Decompressed bytes of one batch.
        public var batchBytes = 1 << 30
        /// Crashes and deadlines before a batch is put aside.
        public var attempts = 3
        /// Time for one attempt.
        public var deadline = Duration.seconds(600)
    }

    /// How long things are kept; nil keeps them for ever.
    public struct Retention: Sendable, Equatable {
        public var inputs: Duration? = .seconds(7 * 86_400)
        public var results: Duration?
        public var jobs: Duration?
        public var failed: Duration?
        /// Refined vectors; they go with the rows at the latest.
        public var features: Duration?
    }

    /// A file in the models directory, or an absolute path.
    public var model: String
    /// Nil: as trained.
    public var solver: Solver?
    /// Nil: as trained.
    public var steps: Int?
    public var topK = 3
    public var features = Features.none
    public var limits = Limits()
    public var retention = Retention()
    /// How long a file that did not arrive by rename or link must keep still.
    public var settle = Duration.seconds(2)
    /// How long a file that is cut short may go without growing.
    public var incompleteAfter = Duration.seconds(30)

    public init(model: String) {
        self.model = model
    }

    /// What the decoders may spend on one batch.
    public var fileLimits: FileLimits { FileLimits(decodedBytes: limits.batchBytes, rows: limits.rows) }
}

extension PipelineConfiguration {
    /// Reads a configuration.
    ///
    /// - Parameter file: the name used in messages.
    /// - Throws: `configuration_invalid` naming file, line and key, for bad YAML, an unknown or repeated key, a wrong
    ///   type or a value out of range.
    public init(yaml: String, file: String) throws {
        let top = try ConfigurationSection(yaml: yaml, file: file)
        try top.allow([
            "model", "refine", "classify", "output", "limits", "retention", "settle", "incomplete_after",
        ])
        guard let model = try top.text("model"), !model.isEmpty else { throw top.missing("model") }
        self.init(model: model)
        settle = try top.duration("settle") ?? settle
        incompleteAfter = try top.duration("incomplete_after") ?? incompleteAfter

        let refine = try top.section("refine", allowing: ["solver", "steps"])
        solver = try refine?.choice("solver", of: Solver.self)
        steps = try refine?.integer("steps", in: 1...100_000)

        let classify = try top.section("classify", allowing: ["top_k"])
        topK = try classify?.integer("top_k", in: 1...100) ?? topK

        let output = try top.section("output", allowing: ["features"])
        features = try output?.choice("features", of: Features.self) ?? features

        if let section = try top.section("limits", allowing: ["rows", "batch_bytes", "attempts", "deadline"]) {
            limits.rows = try section.integer("rows", in: 1...1_000_000_000) ?? limits.rows
            limits.batchBytes = try section.bytes("batch_bytes") ?? limits.batchBytes
            limits.attempts = try section.integer("attempts", in: 1...1_000) ?? limits.attempts
            limits.deadline = try section.duration("deadline") ?? limits.deadline
        }
        if let section = try top.section("retention", allowing: ["inputs", "results", "jobs", "failed", "features"]) {
            retention.inputs = try section.horizon("inputs", default: retention.inputs)
            retention.results = try section.horizon("results", default: retention.results)
            retention.jobs = try section.horizon("jobs", default: retention.jobs)
            retention.failed = try section.horizon("failed", default: retention.failed)
            retention.features = try section.horizon("features", default: retention.features)
        }
    }
}
