/// A setting that was tried while a model was fitted in closed form.
public struct SearchPoint: Sendable, Codable, Equatable {
    /// `head`, `first` or `second`.
    public let step: String
    public let settings: [String: Double]
    /// Mean negative log-likelihood of the rows to choose by, in nats.
    public let nll: Double
}
