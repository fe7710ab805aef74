import Failures
import Foundation
import Glibc
import Logging

/// One line per event on stderr: with `<N>` priorities for the journal, with a time for a person.
package struct JournalLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let isJournal: Bool

    package init(level: Logger.Level, isJournal: Bool = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil) {
        logLevel = level
        self.isJournal = isJournal
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = Array(format(event.level, "\(event.message)", event.metadata).utf8)
        // One write call per line, so that lines of several threads do not mix.
        line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    package func format(_ level: Logger.Level, _ message: String, _ more: Logger.Metadata?) -> String {
        let all = metadata.merging(more ?? [:]) { $1 }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        // A line is an event: nothing from outside may begin another one.
        let text = ForeignText.line("\(message)\(pairs)")
        return isJournal ? "<\(Self.priority(level))>\(text)\n" : "\(Self.now()) \(level) \(text)\n"
    }

    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func now() -> String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }
}

extension Logger {
    /// A logger to stderr.
    static func service(level: Logger.Level) -> Logger {
        Logger(label: "sono") { _ in JournalLogHandler(level: level) }
    }
}
