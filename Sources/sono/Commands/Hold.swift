import ArgumentParser

struct Hold: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep waiting jobs back until they are released.",
        discussion: """
            A held job keeps its file in work/ and its place in the accounts.

            EXAMPLE
              sono hold 17
            """)

    @OptionGroup var arguments: ControlArguments

    func run() throws {
        try arguments.apply(.hold)
    }
}
