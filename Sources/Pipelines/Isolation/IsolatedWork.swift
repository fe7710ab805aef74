import CLinux
import EmbeddingSets
import Failures
import Foundation
import Refinement
import TensorFiles

/// The other side of `Isolation`: what the process of its own does.
public enum IsolatedWork {
    /// Reads a task from standard input, does it, and answers on standard output. Failures are answers too.
    ///
    /// - Throws: only where there is nobody to answer to.
    public static func run() throws {
        let asked = FileHandle.standardInput.readDataToEndOfFile()
        guard let task = try? JSONDecoder().decode(IsolatedTask.self, from: asked) else {
            throw Failure(.invalidArgument, "this command is for the service itself: it reads its task from there.")
        }
        guard set_parent_death_signal(SIGKILL) == 0 else { throw Failure.system("prctl(PR_SET_PDEATHSIG)") }
        guard getppid() == task.parent else { return }
        try limitMemory(to: task.memory)
        // Where memory is short all the same, this process goes and not the service.
        try? Data("1000".utf8).write(to: URL(filePath: "/proc/self/oom_score_adj"))
        let outcome: IsolatedAnswer.Outcome
        do {
            outcome = try answer(task)
        } catch {
            outcome = .failed(error as? Failure ?? Failure(.internal, "\(error)"))
        }
        try IsolatedAnswer(outcome: outcome).write { bytes in
            try FileHandle.standardOutput.write(contentsOf: bytes)
        }
    }

    private static func answer(_ task: IsolatedTask) throws -> IsolatedAnswer.Outcome {
        switch task.work {
        case .inspect:
            return .inspected(try EmbeddingSetFile.inspect(path: task.path, name: task.name, limits: task.limits))
        case .compute(let asked):
            let refiner = try Refiner(
                model: ModelFile.load(path: asked.model).model, solver: asked.solver, steps: asked.steps)
            let features = try asked.features.map { try FeatureFile($0) }
            let computation = BatchComputation(
                path: task.path, name: task.name, limits: task.limits, refiner: refiner, topK: asked.topK)
            // Time is kept by whoever waits.
            let output = try computation.run(
                rows: asked.rows, control: BatchControl(limit: .seconds(366 * 86_400)), refined: features?.append)
            return .computed(output, featuresPath: try features?.finish())
        }
    }

    /// Of private memory that can be written, which is what a batch makes grow.
    private static func limitMemory(to bytes: Int) throws {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
            throw Failure.system("getrlimit(RLIMIT_DATA)")
        }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(bytes))
        guard setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
            throw Failure.system("setrlimit(RLIMIT_DATA)")
        }
    }
}
