import ArgumentParser
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the service is doing: alive, ready, what waits, what is stuck and why.",
        discussion: """
            EXAMPLE
              sono status --json | jq .phase
            """)

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func run() throws {
        let (report, source) = try StatusClient(paths: places.paths).report()
        tellSource(source)
        if form.json {
            try Output.print(json: report)
        } else {
            try Output.print(StatusText(report: report, suffix: places.suffix).text)
        }
    }
}
