/// What refining costs on this machine. Times are seconds, operations those of matrix products, two to a multiply-add.
public struct CostReport: Sendable, Codable {
    public var machine: Machine
    /// When the measurement began, ISO 8601 in UTC.
    public var date: String
    public var kernel: String
    public var dimension: Int
    public var hidden: Int
    public var classes: Int
    public var order: Int
    public var activation: String
    public var solver: String
    public var steps: Int
    /// Evaluations of S for each row.
    public var evaluations: Int
    /// Where the initial velocity comes from: `supplied` with the rows, the model's `network`, or `zero`.
    public var velocity: String
    public var threads: Int
    /// Operations a second of one core on registers alone.
    public var peak: Double
    public var costs: [Cost] = []
    /// Most memory the process has had resident, in bytes.
    public var peakMemory = 0

    /// One way of solving, one part of the work, one size of batch.
    public struct Cost: Sendable, Codable {
        public var form: String
        public var part: Part
        /// Rows to a batch.
        public var rows: Int
        /// How often the batch was measured.
        public var repeats: Int
        /// Operations executed for each row.
        public var operations: Double
        /// Processor seconds a row, all threads together: the median and the fastest tenth.
        public var processorSecondsPerRow: Double
        public var processorSecondsPerRowP10: Double
        /// By the wall clock, from the median.
        public var rowsPerSecond: Double
        /// Operations a processor second.
        public var operationsPerSecond: Double
        /// The same as a share of the peak.
        public var shareOfPeak: Double
        /// Seconds that a batch takes by the wall clock.
        public var p50: Double
        public var p95: Double
        public var p99: Double
    }

    /// What is done to a row.
    public enum Part: String, Sendable, Codable, CaseIterable {
        /// The solution `x(T)` alone.
        case position
        /// All that the service does: `x(T)`, mixing, logits, the best classes and their probabilities.
        case refinement
    }
}
