import Accounting
import ArgumentParser
import Daemon
import Foundation

struct Queue: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw what waits, by age: who waits how long.",
        discussion: """
            One table counts batches, one their rows: a line for each pipeline, a column for each age, twice as old as the \
            one before. A queue that is kept up with stands on the left; what grows to the right is not.

            EXAMPLE
              sono queue
              sono queue --json
            """)

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    /// Batches that are named: those that wait longest.
    private static let most = 5

    func run() throws {
        let client = StatusClient(paths: places.paths)
        let (queue, source) = try client.queue()
        tellSource(source)
        if form.json { return try Output.print(json: queue) }
        let waiting = JobFilter(states: [.queued, .running, .retrying], limit: Self.most)
        let held = JobFilter(states: [.held], limit: Self.most)
        try Output.print(
            QueueText(
                queue: queue, oldest: try client.jobs(waiting, from: source), held: try client.jobs(held, from: source),
                at: Date(), suffix: places.suffix
            ).text)
    }
}
