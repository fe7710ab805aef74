import EmbeddingSets
import Refinement

/// What a file holds: an embedding set or a model.
enum FileDescription: Encodable {
    case embeddingSet(EmbeddingSetDescription, warnings: [String])
    case model(ModelDescription, warnings: [String])

    /// - Throws: what reading the file as what it says it is throws.
    init(path: String) throws {
        if ModelFile.isModel(path: path) {
            let loaded = try ModelFile.load(path: path)
            self = .model(ModelDescription(loaded), warnings: loaded.warnings)
        } else {
            let inspection = try EmbeddingSetFile.inspect(path: path, limits: .commandLine)
            self = .embeddingSet(EmbeddingSetDescription(inspection), warnings: inspection.header.warnings)
        }
    }

    var warnings: [String] {
        switch self {
        case .embeddingSet(_, let warnings), .model(_, let warnings): warnings
        }
    }

    var text: String {
        switch self {
        case .embeddingSet(let set, _): set.text
        case .model(let model, _): model.text
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .embeddingSet(let set, _): try Document("sono-inspect-set/1", set).encode(to: encoder)
        case .model(let model, _): try Document("sono-inspect-model/1", model).encode(to: encoder)
        }
    }
}

/// Pairs of name and value, one a line.
func listing(_ pairs: [(String, String?)]) -> String {
    let present = pairs.compactMap { name, value in value.map { (name, ForeignText.line($0)) } }
    let width = present.map(\.0.count).max() ?? 0
    return present.map { name, value in
        name + String(repeating: " ", count: width - name.count + 2) + value
    }.joined(separator: "\n")
}
