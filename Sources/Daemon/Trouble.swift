/// Something that is stuck: why, and what to type.
public struct Trouble: Codable, Equatable, Sendable {
    public struct Command: Codable, Equatable, Sendable {
        public var text: String
        public var purpose: String

        public init(_ text: String, _ purpose: String) {
            self.text = text
            self.purpose = purpose
        }
    }

    /// Whether batches wait because of it.
    public var grave: Bool
    public var words: String
    public var commands: [Command]

    public init(grave: Bool = false, words: String, commands: [Command] = []) {
        self.grave = grave
        self.words = words
        self.commands = commands
    }
}
