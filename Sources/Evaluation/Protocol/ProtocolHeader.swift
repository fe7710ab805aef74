/// The first line of a protocol file: what its runs have in common. A file is only continued under an equal one.
public struct ProtocolHeader: Sendable, Codable, Equatable {
    public var schema = "sono-protocol/1"
    public let tool: String
    /// SHA-256 of the sets, by what they are.
    public let sets: [String: String]
    /// SHA-256 of the draws files, by what they are; without one the draws are made from the seed.
    public let draws: [String: String]
    /// Labelled rows that every run is judged on. They are read by this protocol alone and nothing is chosen by them.
    public let testRows: Int
    public let classes: Int
    /// Split anew for each seed, from all rows of pool, validation and test.
    public let resplits: Bool
    /// What was done to the rows first, such as `gaussian:0.1`.
    public let corruption: String?
    /// The recipe of the model.
    public let recipe: String

    public init(
        tool: String, sets: [String: String], draws: [String: String], testRows: Int, classes: Int, resplits: Bool,
        corruption: String?, recipe: String
    ) {
        self.tool = tool
        self.sets = sets
        self.draws = draws
        self.testRows = testRows
        self.classes = classes
        self.resplits = resplits
        self.corruption = corruption
        self.recipe = recipe
    }
}
