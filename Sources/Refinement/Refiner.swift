import Dynamics
import Failures

/// Refines and classifies embeddings with one model.
public struct Refiner: Sendable {
    /// The model's configuration with the solver and steps in use.
    public let configuration: ModelConfiguration
    /// How the equation is solved: `direct`.
    public let form = "direct"
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    public var kernel: String { Float.kernelName }
    /// Evaluations of `S` for each row.
    public let evaluations: Int
    /// What is doubtful about this model with this solver, for the log and the status.
    public let warnings: [String]
    /// Class names, `[C]`.
    public let classes: [String]

    /// - Parameters:
    ///   - solver: instead of the model's own.
    ///   - steps: instead of the model's own.
    /// - Throws: `invalid_argument` if the steps are not positive or never evaluate `S`; `model_invalid` if shapes do not
    ///   fit each other.
    public init(model: Model<Float>, solver: Solver? = nil, steps: Int? = nil) throws {
        var configuration = model.configuration
        configuration.solver = solver ?? configuration.solver
        configuration.steps = steps ?? configuration.steps
        self.configuration = configuration
        evaluations = configuration.solver.tableau.stages * configuration.steps
        warnings = []
        classes = model.classes
    }

    /// Refines and classifies `rows` rows and appends their results to `columns`.
    ///
    /// A row's bits do not depend on how rows are split over calls, nor on `threads`.
    ///
    /// - Parameters:
    ///   - embeddings: `[rows, D]`, of any length but zero.
    ///   - velocity: `[rows, D]`, the initial velocity instead of the model's; nil for the model's.
    ///   - threads: nil for one to each core.
    ///   - refined: `[rows, D]`, receives the unit vectors `y`; zeros for rows that are not ok.
    public func run(
        embeddings: UnsafeBufferPointer<Float>, velocity: UnsafeBufferPointer<Float>? = nil, rows: Int,
        threads: Int? = nil, into columns: inout ResultColumns,
        refined: UnsafeMutableBufferPointer<Float>? = nil
    ) {
    }
}
