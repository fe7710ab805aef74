import EmbeddingSets
import Failures
import Refinement

/// What a file holds: an embedding set or a model.
enum FileDescription: Encodable {
    case embeddingSet(EmbeddingSetDescription, warnings: [String])
    case model(ModelDescription, warnings: [String])

    /// - Throws: what reading the file as what it says it is throws.
    init(path: String) throws {
        do {
            let inspection = try EmbeddingSetFile.inspect(path: path, limits: .commandLine)
            self = .embeddingSet(EmbeddingSetDescription(inspection), warnings: inspection.header.warnings)
        } catch let refusal as Failure {
            // Not an embedding set; a model is the other thing it may be, and the first refusal names the trouble best.
            guard refusal.code != .notFound, refusal.code != .unreadable,
                let loaded = try? ModelFile.load(path: path)
            else { throw refusal }
            self = .model(try ModelDescription(loaded), warnings: loaded.warnings)
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
    let present = pairs.compactMap { name, value in value.map { (name, $0) } }
    let width = present.map(\.0.count).max() ?? 0
    return present.map { name, value in
        name + String(repeating: " ", count: width - name.count + 2) + value
    }.joined(separator: "\n")
}
