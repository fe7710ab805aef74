import Foundation

/// What may be done with the terminal at standard error or output.
enum Terminal {
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colour only where a person looks, and only if they did not say no (https://no-color.org).
    static var allowsColour: Bool {
        let environment = ProcessInfo.processInfo.environment
        return outputIsTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    static func bold(_ text: String) -> String {
        allowsColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text
    }

    /// Red, for what needs a person's hand.
    static func alarm(_ text: String) -> String {
        allowsColour ? "\u{1B}[31m\(text)\u{1B}[0m" : text
    }
}
