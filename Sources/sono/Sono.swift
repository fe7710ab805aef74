import ArgumentParser

@main
struct Sono: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sono",
        abstract: "Refine embeddings with a second-order neural ODE, classify them, account for every batch.")
}
