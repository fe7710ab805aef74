import Foundation

/// Up to when one pipeline's things have had their time: what ended before is to go. Nil keeps it.
public struct Horizons: Equatable, Sendable {
    /// Inputs of jobs that are done, or duplicates.
    public var inputs: Date?
    /// Inputs of jobs that failed or were cancelled, and their reasons.
    public var failed: Date?
    public var features: Date?
    public var results: Date?
    /// The jobs themselves and their changes. What bytes they had is remembered for ever.
    public var jobs: Date?

    /// Nothing outlives its job, and no features outlive the rows that name their items.
    public init(
        inputs: Date? = nil, failed: Date? = nil, features: Date? = nil, results: Date? = nil, jobs: Date? = nil
    ) {
        func later(_ dates: Date?...) -> Date? { dates.compactMap(\.self).max() }
        self.inputs = later(inputs, jobs)
        self.failed = later(failed, jobs)
        self.features = later(features, results, jobs)
        self.results = later(results, jobs)
        self.jobs = jobs
    }
}
