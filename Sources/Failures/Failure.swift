/// What went wrong, what to do about it, and what caused it.
public struct Failure: Error, Sendable {
    public let code: FailureCode
    /// One sentence or two for a person, ending in the remedy.
    public let message: String
    /// The error underneath, for the log: an `errno` name, a library's own words.
    public let cause: String?

    public init(_ code: FailureCode, _ message: String, cause: String? = nil) {
        self.code = code
        // Names, paths and libraries' words come from outside, and messages go to logs, SQLite and terminals.
        self.message = ForeignText.line(message)
        self.cause = cause.map(ForeignText.line)
    }
}

extension Failure: Equatable {
    /// Two failures are the same if their codes are: messages are for people.
    public static func == (left: Failure, right: Failure) -> Bool {
        left.code == right.code
    }
}

extension Failure: CustomStringConvertible {
    public var description: String {
        let words = "\(code.rawValue): \(message)"
        return cause.map { "\(words) (\($0))" } ?? words
    }
}
