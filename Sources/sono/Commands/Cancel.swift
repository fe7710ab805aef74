import ArgumentParser

struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give jobs up; their files go to failed/.",
        discussion: """
            A cancelled job leaves no rows. Requeue it to try again.

            EXAMPLE
              sono cancel 17
            """)

    @OptionGroup var arguments: ControlArguments

    func run() throws {
        try arguments.apply(.cancel)
    }
}
