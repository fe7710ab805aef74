import ArgumentParser

/// How a command that answers with data answers.
struct OutputForm: ParsableArguments {
    @Flag(help: "Print JSON; keys are only ever added to a schema.")
    var json = false
}
