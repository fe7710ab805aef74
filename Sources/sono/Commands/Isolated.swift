import ArgumentParser
import Pipelines

/// What the service starts for a batch that has crashed it; nothing for people.
struct Isolated: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Isolation.command, abstract: "Do one task of the service in a process of its own.",
        shouldDisplay: false)

    func run() throws { try IsolatedWork.run() }
}
