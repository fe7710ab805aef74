import ArgumentParser

struct Release: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let held jobs run.",
        discussion: """
            EXAMPLE
              sono release 17
            """)

    @OptionGroup var arguments: ControlArguments

    func run() throws {
        try arguments.apply(.release)
    }
}
