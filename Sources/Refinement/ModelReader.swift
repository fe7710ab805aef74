import Dynamics
import Failures
import Foundation
import TensorFiles

/// Makes a model of a tensor file's tensors and metadata.
struct ModelReader {
    private let file: TensorFile
    private var unread: Set<String>
    private(set) var warnings: [String] = []

    init(_ file: TensorFile) {
        self.file = file
        unread = Set(file.entries.map(\.name))
    }

    /// - Throws: `model_invalid` naming the tensor or key and what was expected.
    mutating func model() throws -> Model<Float> {
        try checkSchema()
        var configuration = try configuration()
        let classes = try classes()
        let c = classes.count
        guard let entry = file.entry("classifier.weight"), entry.shape.count == 2 else {
            let found = file.entry("classifier.weight").map { "has shape \($0.shape)" } ?? "is missing"
            throw Failure(
                .modelInvalid, "tensor classifier.weight \(found): [\(c), D] is expected, for \(c) classes.")
        }
        if configuration.dimension == 0 { configuration.dimension = entry.shape[1] }
        let d = configuration.dimension
        if configuration.order == 0 { configuration.hidden = 0 }
        if configuration.hidden == 0, configuration.order > 0 {
            configuration.hidden = try width("field.", ["position.weight", "velocity.weight", "time.weight", "bias"])
        }
        // Before any shape that is not in the file is believed.
        try configuration.check()

        var model = Model(
            configuration: configuration, classes: classes,
            classifierWeight: try tensor("classifier.weight", [c, d]) ?? [])
        model.classifierBias = try tensor("classifier.bias", [c])
        model.prior = try tensor("prior.weight", [c, d])
        model.inputMean = try tensor("input.mean", [d])
        if configuration.order > 0 { model.field = try field(configuration) }
        if configuration.order == 2 { model.velocity = try velocity(d) }
        model.training = file.metadata["training"]
        model.reference = file.metadata["reference"]
        if configuration.classifier == .cosine, model.classifierBias != nil {
            warnings.append("classifier.bias is ignored: a cosine classifier has none.")
            model.classifierBias = nil
        }
        if !unread.isEmpty {
            warnings.append(
                "tensors without a meaning at order \(configuration.order) are ignored: "
                    + Self.list(unread) + ".")
        }
        try model.check()
        return model
    }

    private mutating func checkSchema() throws {
        guard let schema = file.metadata["schema"] else {
            warnings.append("the file names no schema; it is read as \(ModelFile.schema).")
            return
        }
        guard schema == ModelFile.schema || schema.hasPrefix(ModelFile.schema + ".") else {
            throw Failure(
                .modelInvalid,
                "metadata key `schema` is \(ForeignText.quoted(schema)): \(ModelFile.schema) is expected.")
        }
    }

    private mutating func configuration() throws -> ModelConfiguration {
        let text = try text("config", "the model's configuration as a JSON object")
        do {
            var keys: Set<String> = []
            var scanner = JSONScanner(Array(text.utf8))
            // Foundation would take one of two values for a key without a word.
            try scanner.object { key, scanner in
                keys.insert(key)
                try scanner.skip()
            }
            try scanner.end()
            let unknown = keys.subtracting(ModelConfiguration.keys)
            if !unknown.isEmpty { warnings.append("unknown keys of config are ignored: \(Self.list(unknown)).") }
            return try JSONDecoder().decode(ModelConfiguration.self, from: Data(text.utf8))
        } catch let fault as JSONScanner.Fault {
            throw Failure(
                .modelInvalid,
                "metadata key `config` is no JSON object (byte \(fault.offset): \(fault.message)): write it again.")
        } catch let error as DecodingError {
            throw Failure(
                .modelInvalid, "metadata key `config` cannot be read: \(error.place)", cause: "\(error)")
        }
    }

    private func classes() throws -> [String] {
        do {
            return try JSONStrings.strings(text("classes", "the class names as a JSON array of strings"))
        } catch let fault as JSONScanner.Fault {
            throw Failure(
                .modelInvalid, "metadata key `classes` is not a JSON array of strings: write the class names there.",
                cause: "byte \(fault.offset): \(fault.message)")
        }
    }

    private func text(_ key: String, _ meaning: String) throws -> String {
        guard let text = file.metadata[key] else {
            throw Failure(.modelInvalid, "metadata key `\(key)` is missing: put \(meaning) there.")
        }
        return text
    }

    /// A few names out of the file, fit for a message.
    private static func list(_ names: Set<String>) -> String {
        let shown = names.sorted().prefix(5).map { ForeignText.quoted($0) }.joined(separator: ", ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
    }

    private mutating func field(_ configuration: ModelConfiguration) throws -> FieldWeights<Float> {
        let d = configuration.dimension
        let h = configuration.hidden
        var field = FieldWeights<Float>()
        field.positionWeight = try required("field.position.weight", [h, d])
        field.timeWeight = try tensor("field.time.weight", orZeros: [h])
        field.bias = try tensor("field.bias", orZeros: [h])
        field.outputWeight = try required("field.output.weight", [d, h])
        field.outputBias = try tensor("field.output.bias", orZeros: [d])
        guard configuration.order == 2 else { return field }
        field.velocityWeight = try tensor("field.velocity.weight", orZeros: [h, d])
        // PyTorch writes a scalar parameter without dimensions.
        let scalar = file.entry("field.damping")?.shape.isEmpty == true
        field.damping = try tensor("field.damping", scalar ? [] : [1])?.first ?? 0
        return field
    }

    private mutating func velocity(_ d: Int) throws -> VelocityNetwork<Float>? {
        let names = ["input.weight", "input.bias", "output.weight", "output.bias"]
        guard names.contains(where: { file.entry("velocity." + $0) != nil }) else { return nil }
        let g = try width("velocity.", ["input.weight", "input.bias"])
        var network = VelocityNetwork<Float>()
        network.inputWeight = try required("velocity.input.weight", [g, d])
        network.inputBias = try tensor("velocity.input.bias", orZeros: [g])
        network.outputWeight = try required("velocity.output.weight", [d, g])
        network.outputBias = try tensor("velocity.output.bias", orZeros: [d])
        return network
    }

    /// The width of a hidden layer, from the first of its tensors that is there.
    private func width(_ prefix: String, _ names: [String]) throws -> Int {
        if let width = names.lazy.compactMap({ file.entry(prefix + $0)?.shape.first }).first { return width }
        if let shape = file.entry(prefix + "output.weight")?.shape, shape.count == 2 { return shape[1] }
        throw Failure(
            .modelInvalid, "tensor \(prefix)\(names[0]) is missing: it is expected, and gives the hidden width.")
    }

    /// A weight matrix without which its network means nothing. None is filled in with zeros, so that a small file cannot
    /// ask for much memory.
    private mutating func required(_ name: String, _ shape: [Int]) throws -> [Float] {
        guard let values = try tensor(name, shape) else {
            throw Failure(.modelInvalid, "tensor \(name) is missing: \(shape) is expected.")
        }
        return values
    }

    private mutating func tensor(_ name: String, orZeros shape: [Int]) throws -> [Float] {
        try tensor(name, shape) ?? [Float](repeating: 0, count: shape.reduce(1, *))
    }

    private mutating func tensor(_ name: String, _ shape: [Int]) throws -> [Float]? {
        guard let entry = file.entry(name) else { return nil }
        unread.remove(name)
        guard entry.type.isFloat else {
            throw Failure(
                .modelInvalid, "tensor \(name) is of type \(ForeignText.quoted(entry.typeName)): F32 is expected.")
        }
        guard entry.shape == shape else {
            throw Failure(.modelInvalid, "tensor \(name) has shape \(entry.shape): \(shape) is expected.")
        }
        return try file.floats(name)
    }
}

extension DecodingError {
    /// Where and why, in a few words.
    fileprivate var place: String {
        switch self {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "key \(context.codingPath.map(\.stringValue).joined(separator: ".")) is expected to be \(type)."
        default: "a JSON object is expected."
        }
    }
}
