import Foundation
import Glibc

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

    /// Lets Ctrl-C and kill end a command that goes on for ever, also where whoever started it has these signals blocked.
    static func letSignalsEnd() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Columns and rows of the terminal at standard output; 80 and 24 if it does not say.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// How many characters are seen of a line: colour codes are not.
    static func width(_ line: String) -> Int { pieces(line).reduce(0) { $0 + ($1.isCode ? 0 : $1.text.count) } }

    /// The beginning of a line, so many characters long, with all its colour codes.
    static func cut(_ line: String, to columns: Int) -> String {
        var left = columns
        return pieces(line).map { piece in
            if piece.isCode { return String(piece.text) }
            defer { left -= min(left, piece.text.count) }
            return String(piece.text.prefix(left))
        }.joined()
    }

    private static func pieces(_ line: String) -> [(text: Substring, isCode: Bool)] {
        var pieces: [(Substring, Bool)] = []
        var rest = line[...]
        while let code = rest.firstRange(of: /\u{1B}\[[0-9;]*m/) {
            pieces += [(rest[..<code.lowerBound], false), (rest[code], true)]
            rest = rest[code.upperBound...]
        }
        return pieces + [(rest, false)]
    }
}
