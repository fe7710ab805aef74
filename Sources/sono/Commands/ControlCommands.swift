import Accounting
import ArgumentParser
import Daemon

/// What hold, release, cancel and requeue have in common: job numbers and where to ask.
struct ControlArguments: ParsableArguments {
    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    @Argument(help: "The jobs' numbers.")
    var ids: [JobID]

    /// Does it to each job in turn; the first that refuses ends the command.
    func apply(_ verb: ControlVerb) throws {
        let client = ControlClient(paths: places.paths)
        for id in ids {
            let reply = try client.apply(verb, to: id)
            if form.json {
                try Output.print(json: reply)
            } else if reply.requeued {
                // What was refused before all of it was read has no digest.
                let digest = reply.job.sha256.map { " --sha256 \($0.prefix(12))" } ?? ""
                Messages.say("job \(id) is on its way again: sono jobs\(digest)\(places.suffix)")
            } else {
                Messages.say("job \(id) is \(reply.job.state.rawValue)")
            }
        }
    }
}
