import ArgumentParser
import EmbeddingSets
import Failures
import Refinement

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a file holds, after checking all of it.",
        discussion: """
            Takes an embedding set, a .npy (both bare or zstd) or a model. What is wrong with a file has the code here that \
            the service gives it; a pipeline's limits on rows and sizes, and its refusal of symbolic links, are not applied.

            EXAMPLE
              sono inspect rows.safetensors.zst
            """)

    @OptionGroup var form: OutputForm

    @Argument(help: "The file.")
    var file: String

    func run() throws {
        let description = try FileDescription(path: file)
        Messages.warn(description.warnings)
        if form.json {
            try Output.print(json: description)
        } else {
            try Output.print(description.text)
        }
    }
}
