/// How a job is computed: recorded when it begins, so that `verify` can do exactly the same again.
public struct Execution: Equatable, Sendable {
    public var modelID: String
    public var modelSHA256: String
    public var solver: String
    public var steps: Int
    /// `direct` or `hidden`.
    public var form: String
    /// The kernel variant, such as `avx2`.
    public var kernel: String
    /// Evaluations of S per row.
    public var evaluations: Int

    public init(
        modelID: String, modelSHA256: String, solver: String, steps: Int, form: String, kernel: String,
        evaluations: Int
    ) {
        self.modelID = modelID
        self.modelSHA256 = modelSHA256
        self.solver = solver
        self.steps = steps
        self.form = form
        self.kernel = kernel
        self.evaluations = evaluations
    }
}

/// Where a job's time went, in seconds.
///
/// Rows are refined and classified in one pass over each tile: `refine` is both, and the column `classify_seconds` stays
/// NULL. The commit is measured by `Store.complete`.
public struct Timings: Equatable, Sendable {
    public var decode: Double
    public var refine: Double

    public init(decode: Double = 0, refine: Double = 0) {
        self.decode = decode
        self.refine = refine
    }
}
