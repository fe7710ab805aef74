/// What the store alone knows of a job that is done.
public struct Completion: Equatable, Sendable {
    /// From its admission to the attempt that succeeded.
    public var queueSeconds: Double
    /// What the transaction took, for `Store.markFiled`.
    public var commitSeconds: Double
}
