import ArgumentParser

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See all of it on real data: train, serve, drop batches, query; under a minute.",
        discussion: """
            Trains a second-order model on 16 labelled Debian package descriptions a section (4 more choose the epoch and \
            the temperature), starts the real service on a temporary root, drops 3,607 others as compressed batches, and \
            compares what SQLite then says with the truth. The exit code is 1 if a row is missing or doubled.

            EXAMPLE
              sono demo --keep /tmp/sono
            """)

    @Option(help: ArgumentHelp("Keep the service's whole root in this new or empty directory.", valueName: "dir"))
    var keep: String?

    @OptionGroup var form: OutputForm

    func run() throws {
        let report = try DemoRun(data: DemoData.find(), keep: keep).run()
        if form.json {
            try Output.print(json: Document("sono-demo/1", report))
        } else {
            try Output.print(report.text)
        }
        if !report.everyRowOnce { throw ExitCode(1) }
    }
}
