import Failures
import Pipelines

/// An accepted file of pipeline.d has a model, and numbers that lie where they mean something.
enum PipelinePromise {
    static func check(_ bytes: [UInt8], _ file: MemoryFile) throws {
        try file.hold(bytes)
        let configuration = try ConfigurationDirectory.read(file.path)
        try BrokenPromise.require(!configuration.model.isEmpty, "a pipeline without a model")
        let limits = configuration.limits
        let numbers = [limits.rows, limits.batchBytes, limits.attempts, configuration.topK, configuration.steps ?? 1]
        try BrokenPromise.require(numbers.allSatisfy { $0 > 0 }, "\(numbers)")
        let times = [limits.deadline, configuration.settle, configuration.incompleteAfter]
        try BrokenPromise.require(times.allSatisfy { $0 > .zero }, "\(times)")
        // Whoever configures a limit gets it, up to sums that the decoders make of it.
        _ = configuration.fileLimits
    }
}
