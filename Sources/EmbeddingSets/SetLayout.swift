import Failures
import TensorFiles

/// Which tensor of a file plays which part in an embedding set, with the schema's checks done.
struct SetLayout {
    enum Role {
        case embeddings
        case velocity
        case labels
        case integerIDs
        case idBytes
        case idOffsets
        /// A row status, as `sono refine` writes it.
        case status
        case unknown
    }

    static let schema = "embedding-set/1"

    /// What `sono refine` puts beside the refined embeddings: no part of a set, and no reason for a warning.
    private static let refined: Set = ["predicted", "score"]

    private(set) var header: EmbeddingSetHeader
    private(set) var embeddings: TensorEntry
    private(set) var velocity: TensorEntry?
    private let path: String

    /// - Parameter classes: class names to use where the file has labels but no `classes`.
    /// - Throws: `unsupported_format`, `corrupt_safetensors`, `too_large`, `no_rows`.
    init(_ file: TensorHeader, path: String, limits: FileLimits, classes: [String]? = nil) throws {
        self.path = path
        try Self.checkSchema(file, path)
        guard let embeddings = file.entry("embeddings") else {
            throw Failure(
                .unsupportedFormat,
                "\(path) has no tensor `embeddings`: write it with save_file({'embeddings': a}, path).")
        }
        self.embeddings = embeddings
        guard embeddings.shape.count == 2 else {
            throw Self.corrupt(path, "`embeddings` has shape \(embeddings.shape), not [rows, columns]")
        }
        let (rows, dimension) = (embeddings.shape[0], embeddings.shape[1])
        try Self.checkSize(rows: rows, dimension: dimension, path, limits)
        try Self.require(embeddings, [.float16, .bfloat16, .float32], path)
        header = EmbeddingSetHeader(rows: rows, dimension: dimension, elementType: embeddings.type)
        header.schema = file.format == .npy ? "" : Self.schema
        try readTensors(file, limits)
        try readMetadata(file, fallbackClasses: classes)
    }

    static func role(_ name: String) -> Role {
        switch name {
        case "embeddings": .embeddings
        case "velocity": .velocity
        case "labels": .labels
        case "ids": .integerIDs
        case "ids_utf8": .idBytes
        case "ids_offsets": .idOffsets
        case "status": .status
        default: .unknown
        }
    }

    private static func checkSchema(_ file: TensorHeader, _ path: String) throws {
        guard let schema = file.metadata["schema"] else { return }
        if schema.hasPrefix("sono-model/") {
            throw Failure(
                .unsupportedFormat, "\(path) is a model, not an embedding set: put it into the models directory.")
        }
        if schema != Self.schema, !schema.hasPrefix(Self.schema + ".") {
            throw Failure(
                .unsupportedFormat,
                "\(path) has schema \(ForeignText.quoted(schema)), this program reads \(Self.schema): "
                    + "update the program, or write the set with that schema.")
        }
    }

    private static func checkSize(rows: Int, dimension: Int, _ path: String, _ limits: FileLimits) throws {
        if rows == 0 || dimension == 0 {
            throw Failure(.noRows, "\(path) has \(rows) rows of \(dimension) columns: send it when there is something.")
        }
        if rows > limits.rows {
            throw Failure(
                .tooLarge, "\(path) has \(rows) rows, the limit is \(limits.rows): split it or raise limits.rows.")
        }
        if dimension > limits.columns {
            throw Failure(
                .tooLarge, "\(path) has \(dimension) columns, the limit is \(limits.columns): is it transposed?")
        }
    }

    private mutating func readTensors(_ file: TensorHeader, _ limits: FileLimits) throws {
        let rows = header.rows
        if let entry = file.entry("velocity") {
            try Self.require(entry, [.float16, .bfloat16, .float32], path)
            try require(entry, shape: embeddings.shape)
            velocity = entry
            header.hasVelocity = true
        }
        if let entry = file.entry("labels") {
            try Self.require(entry, [.int32, .int64], path)
            try require(entry, shape: [rows])
            header.hasLabels = true
        }
        let parts = (file.entry("ids"), file.entry("ids_utf8"), file.entry("ids_offsets"))
        switch parts {
        case (nil, nil, nil): header.idKind = .ordinal
        case (let ids?, nil, nil):
            try Self.require(ids, [.int64], path)
            try require(ids, shape: [rows])
            header.idKind = .integers
        case (nil, let bytes?, let offsets?):
            try Self.require(bytes, [.uint8], path)
            try require(bytes, shape: [bytes.count])
            try Self.require(offsets, [.int64], path)
            try require(offsets, shape: [rows + 1])
            if bytes.count > limits.idBytes {
                throw Failure(
                    .tooLarge, "\(path) has \(bytes.count) bytes of ids, the limit is \(limits.idBytes): shorten them.")
            }
            header.idKind = .utf8
        default:
            throw Self.corrupt(path, "its ids are neither `ids` alone nor `ids_utf8` with `ids_offsets`")
        }
        let unknown = file.entries.map(\.name).filter { Self.role($0) == .unknown && !Self.refined.contains($0) }
        ignored(tensors: unknown, keys: Self.unknownKeys(file.metadata))
    }

    private mutating func readMetadata(_ file: TensorHeader, fallbackClasses: [String]?) throws {
        let metadata = file.metadata
        if file.format == .safetensors, metadata["schema"] == nil {
            header.warnings.append("the set names no schema and was read as \(Self.schema): put it into the metadata.")
        }
        header.encoder = metadata["encoder"].flatMap { $0.isEmpty ? nil : $0 }
        header.producer = metadata["producer"]
        switch metadata["normalized"] {
        case "true": header.normalized = true
        case "false": header.normalized = false
        case nil: break
        case let other?:
            header.warnings.append(
                "`normalized` is \(ForeignText.quoted(other)) and was ignored: write \"true\" or \"false\".")
        }
        header.texts = try strings(metadata["texts"], "texts")
        if let texts = header.texts, texts.count != header.rows {
            throw Self.corrupt(path, "it has \(texts.count) `texts` for \(header.rows) rows")
        }
        if let classes = try strings(metadata["classes"], "classes") {
            try Self.rules(path).checkClasses(classes)
            header.classes = classes
        } else if let fallbackClasses {
            try SetRules.given.checkClasses(fallbackClasses)
            header.classes = fallbackClasses
        } else if header.hasLabels {
            throw Self.corrupt(
                path,
                "it has labels but no metadata key `classes` (a JSON array of names that the labels count into; "
                    + "`sono pack --classes` adds it)")
        }
    }

    private func strings(_ text: String?, _ key: String) throws -> [String]? {
        guard let text else { return nil }
        do {
            return try JSONStrings.strings(text)
        } catch let fault as JSONScanner.Fault {
            throw Self.corrupt(path, "`\(key)` is no JSON array of strings (byte \(fault.offset): \(fault.message))")
        }
    }

    /// Keys that are not the schema's; `format` (written by PyTorch's and NumPy's writers), and what says
    /// where a set is from and what one may do with it, and `x-…`, are known to be free.
    private static func unknownKeys(_ metadata: [String: String]) -> [String] {
        let known: Set = [
            "schema", "encoder", "normalized", "classes", "texts", "producer", "format", "created", "source",
            "licence", "license",
        ]
        return metadata.keys.filter { !known.contains($0) && !$0.hasPrefix("x-") }.sorted()
    }

    private mutating func ignored(tensors: [String], keys: [String]) {
        func list(_ what: String, _ names: [String]) -> String? {
            if names.isEmpty { return nil }
            let shown = names.prefix(5).map { ForeignText.quoted($0) }.joined(separator: ", ")
            return "\(what) \(shown)\(names.count > 5 ? " and \(names.count - 5) more" : "")"
        }
        let parts = [list("tensors", tensors), list("metadata keys", keys)].compactMap(\.self)
        if !parts.isEmpty { header.warnings.append("ignored unknown \(parts.joined(separator: " and ")).") }
    }

    private static func require(_ entry: TensorEntry, _ types: [ElementType], _ path: String) throws {
        if !types.contains(entry.type) {
            let names = types.map(\.rawValue).joined(separator: " or ")
            throw Failure(
                .unsupportedFormat,
                "\(path): `\(entry.name)` is \(ForeignText.quoted(entry.typeName)): store it as \(names).")
        }
    }

    private func require(_ entry: TensorEntry, shape: [Int]) throws {
        if entry.shape != shape {
            throw Self.corrupt(path, "`\(entry.name)` has shape \(entry.shape) where \(shape) is needed")
        }
    }

    static func rules(_ path: String) -> SetRules { SetRules(longID: .tooLarge) { corrupt(path, $0) } }

    static func corrupt(_ path: String, _ what: String) -> Failure {
        Failure(.corruptSafetensors, "\(path): \(what): write the set again.")
    }
}
