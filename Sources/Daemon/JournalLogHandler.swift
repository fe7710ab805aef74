import Failures
import Foundation
import Glibc
import Logging

/// How the service writes its log.
public enum LogFormat: String, CaseIterable, Sendable {
    /// A line for a person.
    case text
    /// A JSON object a line: `time` (RFC 3339), `level`, `message`, and the event's fields beside them, as text.
    case json
}

/// One line per event on stderr: with `<N>` priorities for the journal, with a time elsewhere. Of equal events only so
/// many are written at a time, and the others counted.
package struct JournalLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let format: LogFormat
    private let isJournal: Bool
    private let limiter: LogLimiter
    private let output: Int32

    package init(
        level: Logger.Level, format: LogFormat = .text,
        isJournal: Bool = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil,
        limiter: LogLimiter = .standard, output: Int32 = STDERR_FILENO
    ) {
        logLevel = level
        self.format = format
        self.isJournal = isJournal
        self.limiter = limiter
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let (level, message) = (event.level, "\(event.message)")
        let code = event.metadata?["code"].map { "\($0)" }
        // What happened stands before the colon, with whom and why behind it.
        let kind = message.prefix { $0 != ":" }
        let summarise: @Sendable (Int) -> Void = { [self] left in
            let seconds = LogRate.window / .seconds(1)
            let words = "… \(left) more like this in \(Int(seconds)) s: \(kind)"
            write(level, words, code.map { ["code": "\($0)"] })
        }
        // The last words are always written.
        guard level == .critical || limiter.admits("\(level) \(code ?? "") \(kind)", summary: summarise) else { return }
        write(level, message, event.metadata)
    }

    private func write(_ level: Logger.Level, _ message: String, _ more: Logger.Metadata?) {
        let line = Array(line(level, message, more).utf8)
        // One write call per line, so that lines of several threads do not mix.
        line.withUnsafeBytes { _ = Glibc.write(output, $0.baseAddress, $0.count) }
    }

    package func line(_ level: Logger.Level, _ message: String, _ more: Logger.Metadata?) -> String {
        let fields = metadata.merging(more ?? [:]) { $1 }
        let text = format == .json ? json(level, message, fields) : plain(message, fields)
        if isJournal { return "<\(Self.priority(level))>\(text)\n" }
        return format == .json ? "\(text)\n" : "\(Self.now()) \(level) \(text)\n"
    }

    private func plain(_ message: String, _ fields: Logger.Metadata) -> String {
        let pairs = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        // A line is an event: nothing from outside may begin another one.
        return ForeignText.line("\(message)\(pairs)")
    }

    private func json(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata) -> String {
        var object = fields.mapValues { ForeignText.line("\($0)") }
        object["time"] = Self.now()
        object["level"] = "\(level)"
        object["message"] = ForeignText.line(message)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Text under text always encodes.
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
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
    static func service(_ options: ServiceOptions) -> Logger {
        Logger(label: "sono") { _ in JournalLogHandler(level: options.level, format: options.logFormat) }
    }
}
