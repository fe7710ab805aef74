/// `steps` equal steps over `[0, horizon]`; a negative horizon integrates backwards.
public struct TimeGrid: Sendable, Equatable {
    public let steps: Int
    public let horizon: Double
    /// Where the grid begins; 0 for every model.
    public let start: Double

    /// The length of a step, in the model's time unit.
    public var step: Double { horizon / Double(steps) }

    public init(steps: Int, horizon: Double, start: Double = 0) {
        precondition(steps > 0, "a grid has at least one step")
        self.steps = steps
        self.horizon = horizon
        self.start = start
    }

    /// The time at which step `index` begins; computed by one product, so that no rounding piles up.
    public func time(_ index: Int) -> Double {
        start + horizon * Double(index) / Double(steps)
    }
}
