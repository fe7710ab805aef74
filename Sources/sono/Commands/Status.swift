import Accounting
import ArgumentParser
import Daemon
import Failures
import Foundation

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the service is doing: alive, ready, making progress, what is stuck, what to type.",
        discussion: """
            With no service that answers, what the store says is printed, and the exit code is 69: the word that begins the \
            answer tells whether it is down, starting, hung, or not to be asked by you.

            --watch draws the answer anew every second, on a terminal in its place; with --json it prints one line each time.

            EXAMPLES
              sono status
              sono status --watch
              sono status --json | jq .phase
            """)

    @Flag(help: "Go on until Ctrl-C, once a second.")
    var watch = false

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func run() throws {
        if watch { try goOn() }
        let (report, source) = try StatusClient(paths: places.paths).report()
        if form.json {
            try Output.print(json: report)
        } else {
            try Output.print(text(report))
        }
        if case .store(let absence) = source { throw Failure(.unavailable, absence.message) }
    }

    private func text(_ report: StatusReport) -> String {
        StatusText(report: report, at: Date(), paths: places.paths, version: Sono.version).text
    }

    private func goOn() throws -> Never {
        Terminal.letSignalsEnd()
        let client = StatusClient(paths: places.paths)
        var picture = LivePicture()
        while true {
            let began = Date()
            do {
                let report = try client.report().report
                if form.json {
                    try Output.print(JSONText.line(report))
                } else {
                    try picture.show(text(report))
                }
            } catch let failure as Failure where failure.code == .unavailable {
                // Nothing is there yet, or any more: whoever watches waits for it.
                if form.json { Messages.say("sono: \(failure)") } else { try picture.show("\(failure)") }
            }
            Thread.sleep(forTimeInterval: max(0, 1 + began.timeIntervalSinceNow))
        }
    }
}
