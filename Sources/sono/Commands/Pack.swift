import ArgumentParser
import EmbeddingSets
import Failures
import TensorFiles

struct Pack: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a checked embedding set out of a .npy or another set.",
        discussion: """
            Labels, ids, classes and texts come from text files of one value a line (classes and texts may be JSON arrays). \
            What IN holds already is kept unless it is given anew. With --classes and no --labels, the labels of IN go on \
            meaning the classes they name.

            EXAMPLE
              sono pack rows.npy rows.safetensors.zst --encoder ViT-B/32 --labels rows.txt
            """)

    @Option(help: "The encoder that the embeddings come from.")
    var encoder: String?

    @Option(help: "A class name a row; with --classes an index will do. Empty or -1: unlabelled.")
    var labels: String?

    @Option(help: "The classes in order. (default: the names in --labels, sorted)")
    var classes: String?

    @Option(help: "An item id a row.")
    var ids: String?

    @Option(help: "A text a row, for prompts.")
    var texts: String?

    @Option(help: "How to store the numbers: float16, bfloat16 or float32. (default: as in IN)")
    var type: NumberType?

    @OptionGroup var form: OutputForm

    @Argument(help: "An embedding set or a two-dimensional .npy, bare or zstd.")
    var input: String

    @Argument(help: "The file to write; compressed if its name ends in .zst.")
    var output: String

    func run() throws {
        let names = try classes.map { try TextLines.read($0) }
        var set = try EmbeddingSet.read(path: input, classes: names)
        Messages.warn(set.warnings)
        set.encoder = encoder ?? set.encoder
        set.producer = "\(Sono.tool) pack"
        if let labels {
            let list = try LabelList(
                lines: TextLines.read(labels, count: set.rows), classes: names)
            (set.labels, set.classes) = (list.labels, list.classes)
        } else if let names {
            try set.setClasses(names)
        }
        if let ids { set.ids = ItemIDs(texts: try TextLines.read(ids, count: set.rows)) }
        if let texts { set.texts = try TextLines.read(texts, count: set.rows) }

        let written = try set.write(to: output, elementType: type?.elementType ?? set.elementType ?? .float32)
        let description = EmbeddingSetDescription(try EmbeddingSetFile.inspect(path: output, limits: .commandLine))
        let unusable = set.unusableRows
        if unusable > 0 {
            Messages.warn(["\(Figures.grouped(unusable)) rows are not finite or all zero: no model can use them."])
        }
        Messages.say("wrote \(output), \(Figures.bytes(written.bytes))")
        if form.json {
            try Output.print(json: Document("sono-inspect-set/1", description))
        } else {
            try Output.print(description.text)
        }
    }
}

/// The element types that an embedding set may store, by the names people use.
enum NumberType: String, ExpressibleByArgument, CaseIterable {
    case float16
    case bfloat16
    case float32

    var elementType: ElementType {
        switch self {
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        }
    }
}
