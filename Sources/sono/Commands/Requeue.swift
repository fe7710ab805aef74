import ArgumentParser

struct Requeue: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do settled jobs again, as new jobs.",
        discussion: """
            The kept input of a done, failed or cancelled job goes back to work/ and becomes a new job; where the \
            old one was done, the new one supersedes it and the old rows stay.

            EXAMPLE
              sono requeue 17
            """)

    @OptionGroup var arguments: ControlArguments

    func run() throws {
        try arguments.apply(.requeue)
    }
}
