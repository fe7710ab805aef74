import Accounting
import Failures
import Foundation
import Refinement
import Spooling

/// A pipeline that can run: its configuration, its part of the spool, its model in memory.
///
/// A batch under way keeps the one it began with, whatever a reload brings; only the directories are shared.
public struct Pipeline: Sendable {
    public let name: String
    public let configuration: PipelineConfiguration
    public let model: LoadedModel
    public let refiner: Refiner
    private let openSpool: OpenSpool
    /// Directory of refined vectors; used only where the configuration asks for them.
    public let features: String
    /// The copy of the model that jobs can be recomputed with.
    let keptModel: String
    /// The directories as they are open now.
    public var spool: SpoolDirectory { openSpool.directory }
    /// What is doubtful but no reason to refuse.
    public var warnings: [String] { model.warnings + refiner.warnings }

    /// Loads the model, keeps a copy of it for `verify`, and creates the pipeline's directories.
    ///
    /// - Parameter running: the pipeline that this one takes the place of. Its open directories are gone on with, and its
    ///   model if the file still has the same bytes.
    /// - Throws: `model_missing`, `model_invalid`, or what the file system says.
    public init(
        name: String, configuration: PipelineConfiguration, paths: ServicePaths, insteadOf running: Pipeline? = nil
    ) throws {
        self.name = name
        self.configuration = configuration
        model = try ModelLibrary(paths: paths).load(configuration.model, unless: running?.model)
        refiner = try Self.refiner(model, configuration)
        openSpool = try running?.openSpool ?? OpenSpool(SpoolLayout(root: paths.spool, pipeline: name))
        features = paths.features(pipeline: name)
        keptModel = paths.keptModel(sha256: model.sha256)
    }

    /// Opens the directories anew for all copies of this pipeline, after they were removed or replaced; makes them if
    /// they are missing.
    public func reopenSpool() throws {
        try openSpool.reopen()
    }

    /// Whether a file that is not in work/ may be in directories that were taken away a while ago: then it is waited for.
    package var mayComeBack: Bool { openSpool.mayComeBack }

    /// The model and refiner that a configuration asks for, loaded without changing anything.
    public static func inspect(
        _ configuration: PipelineConfiguration, paths: ServicePaths
    ) throws -> (LoadedModel, Refiner) {
        let model = try ModelFile.load(path: paths.model(configuration.model))
        return (model, try refiner(model, configuration))
    }

    /// The refiner that a configuration asks for.
    static func refiner(_ model: LoadedModel, _ configuration: PipelineConfiguration) throws -> Refiner {
        do {
            return try Refiner(model: model.model, solver: configuration.solver, steps: configuration.steps)
        } catch let failure as Failure where failure.code == .invalidArgument {
            throw Failure(.configurationInvalid, "refine: \(failure.message)", cause: failure.cause)
        }
    }

    /// Private memory that a process of its own may have, in bytes: what a batch within the limits can come to, the stacks
    /// of its threads, and a GiB for the program and what it works in.
    var isolatedMemory: Int {
        let limits = configuration.limits
        let threads = ProcessInfo.processInfo.activeProcessorCount + 16
        return (1 << 30) + 8 * model.bytes + 64 * limits.rows + min(limits.batchBytes, 1 << 50) + threads << 24
    }

    /// What is recorded when a job begins.
    var execution: Execution {
        Execution(
            modelID: model.id, modelSHA256: model.sha256, solver: refiner.configuration.solver.rawValue,
            steps: refiner.configuration.steps, form: refiner.form.rawValue, kernel: refiner.kernel,
            evaluations: refiner.evaluations)
    }
}
