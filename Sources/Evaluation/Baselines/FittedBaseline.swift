import Training

/// A baseline after it was fitted: what it answers, what it holds, what it took.
public struct FittedBaseline: Sendable {
    public let baseline: Baseline
    /// Class names, `[C]`.
    public let classes: [String]
    /// The settings that were chosen, by name.
    public let settings: [String: Double]
    /// Settings that were tried.
    public let trials: Int
    /// What settings and temperature were chosen by.
    public let selection: TrainedModel.Selection
    /// The chosen settings on the rows they were chosen by, with the temperature as it was calibrated; nil where there were none.
    public let validation: ValidationScore?
    /// Divides the logits before the softmax; 1 where there was nothing to choose it by.
    public let temperature: Double
    /// Wall time of choosing and fitting.
    public let seconds: Double
    let head: BaselineHead

    /// Numbers that are kept to answer with.
    public var parameters: Int { head.parameters }
    /// Logits `[n, C]`, before the temperature, for rows `[n, D]` of any length; NaN for a row that is not finite or has no
    /// direction.
    ///
    /// - Parameter threads: nil for one to each core; the result does not depend on it.
    public func logits(_ rows: [Float], threads: Int? = nil) -> [Float] {
        head.logits(rows, threads: threads)
    }
}
