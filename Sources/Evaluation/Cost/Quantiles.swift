/// Quantiles of a sample by the nearest rank: always a value that was measured, never one between two.
public struct Quantiles: Sendable {
    private let sorted: [Double]

    /// - Parameter values: at least one.
    public init(_ values: [Double]) {
        precondition(!values.isEmpty, "a sample has values")
        sorted = values.sorted()
    }

    /// The smallest value that at least the share `p` of the sample does not exceed.
    public func callAsFunction(_ p: Double) -> Double {
        precondition((0...1).contains(p), "a share is 0 to 1")
        let rank = Int((p * Double(sorted.count)).rounded(.up))
        return sorted[max(0, rank - 1)]
    }

    public var median: Double { self(0.5) }
    public var smallest: Double { self(0) }
    public var largest: Double { self(1) }
}
