import Daemon
import Foundation
import Logging
import Spooling
import TestSupport
import Testing

@Suite("the rate of the log")
struct LogRateTests {
    @Test("of equal events twenty are written in ten seconds, the others counted and told once")
    func rate() {
        var rate = LogRate()
        let start = Monotonic.now
        let verdicts = (0..<50).map { _ in rate.admit("done", at: start) }
        #expect(verdicts.prefix(20).allSatisfy { $0 == .write })
        #expect(verdicts[20] == .leaveOut(isFirst: true))
        #expect(verdicts[21...].allSatisfy { $0 == .leaveOut(isFirst: false) })
        // Another kind has a count of its own.
        #expect(rate.admit("failed", at: start) == .write)
        #expect(rate.summaries(at: start + .seconds(9)).isEmpty)
        let told = rate.summaries(at: start + .seconds(10))
        #expect(told.map(\.kind) == ["done"] && told.map(\.left) == [30])
        #expect(rate.summaries(at: start + .seconds(20)).isEmpty)
        #expect(rate.admit("done", at: start + .seconds(10)) == .write)
    }

    @Test("few events are never left out, however long it goes on")
    func few() {
        var rate = LogRate()
        let start = Monotonic.now
        for second in 0..<1_000 { #expect(rate.admit("done", at: start + .seconds(second)) == .write) }
    }

    @Test("a flood becomes twenty lines and one that counts the others; the last words are always written")
    func flood() throws {
        let scratch = try Scratch()
        let file = open(scratch("log"), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let limiter = LogLimiter()
        let logger = Logger(label: "test") { _ in
            JournalLogHandler(level: .info, isJournal: true, limiter: limiter, output: file)
        }
        for job in 0..<500 { logger.error("failed: file \(job)", metadata: ["job": "\(job)", "code": "no_rows"]) }
        for _ in 0..<30 { logger.critical("gone") }
        limiter.flush()
        limiter.flush()
        let lines = try String(contentsOfFile: scratch("log"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("<3>failed: file") && $0.contains("code=no_rows job=") } == 20)
        #expect(
            lines.filter { $0.contains("480 more like this") } == [
                "<3>… 480 more like this in 10 s: failed code=no_rows"
            ])
        #expect(lines.count { $0 == "<2>gone" } == 30)
        #expect(lines.count == 51)
    }

    @Test("a line of JSON is one object, whatever stands in the event")
    func json() throws {
        let handler = JournalLogHandler(level: .info, format: .json, isJournal: false)
        let line = handler.line(.warning, "a\n\"b\"", ["file": "x\u{1B}[2J\\"])
        #expect(line.hasSuffix("}\n") && line.count { $0 == "\n" } == 1)
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(object["message"] == "a\\x0A\"b\"" && object["file"] == "x\\x1B[2J\\" && object["level"] == "warning")
    }
}
