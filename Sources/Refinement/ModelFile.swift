import Dynamics
import Failures
import Foundation
import TensorFiles

/// Model files: safetensors under the schema `sono-model/1`, as described in the README.
public enum ModelFile {
    public static let schema = "sono-model/1"
    /// No model is larger than 8 GiB. Symbolic links are followed: whoever names a model owns the models directory.
    static let limits: FileLimits = {
        var limits = FileLimits(decodedBytes: 8 << 30)
        limits.followsSymbolicLinks = true
        return limits
    }()

    /// Whether a file says of itself that it is a model, whatever may be wrong with it.
    public static func isModel(path: String) -> Bool {
        guard let metadata = try? TensorReader(path: path, limits: limits).header.metadata else { return false }
        return metadata["schema"]?.hasPrefix("sono-model/") ?? (metadata["config"] != nil)
    }

    /// Reads and checks a model.
    ///
    /// Tensors that are absent are zeros, keys that are absent take their defaults.
    ///
    /// - Throws: `model_missing`, or `model_invalid` naming the tensor or key and what was expected.
    public static func load(path: String) throws -> LoadedModel {
        let file: TensorFile
        do {
            file = try TensorFile.read(path: path, limits: limits)
        } catch let failure as Failure {
            throw translated(failure, path: path)
        }
        do {
            var reader = ModelReader(file)
            let model = try reader.model()
            return LoadedModel(
                model: model, sha256: file.sha256, bytes: file.fileBytes, warnings: reader.warnings)
        } catch let failure as Failure where failure.code == .modelInvalid {
            throw Failure(.modelInvalid, "\(path): \(failure.message)", cause: failure.cause)
        }
    }

    /// The SHA-256 of the file, for whoever has a model of these bytes in memory.
    ///
    /// - Throws: `model_missing`, and what the file system says.
    public static func digest(path: String) throws -> String {
        do {
            return try DecodedStream(file: InputFile(path: path, limits: limits), limits: limits).hashToEnd()
        } catch let failure as Failure {
            throw translated(failure, path: path)
        }
    }

    private static func translated(_ failure: Failure, path: String) -> Failure {
        switch failure.code {
        case .notFound:
            return Failure(.modelMissing, "there is no model at \(path): check the path.")
        case .unreadable, .ioError, .noSpace:
            return failure
        default:
            return Failure(
                .modelInvalid, "\(path) is no usable model file: \(failure.message)",
                cause: failure.cause ?? failure.code.rawValue)
        }
    }

    /// Writes a model, all or nothing; `.zst` at the end of the path compresses it.
    ///
    /// - Throws: `model_invalid` if the model's parts do not fit each other, `io_error` or `no_space`.
    public static func save(_ model: Model<Float>, to path: String) throws {
        try model.check()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var metadata = [
            "schema": schema,
            "config": String(decoding: try encoder.encode(model.configuration), as: UTF8.self),
            "classes": String(decoding: try encoder.encode(model.classes), as: UTF8.self),
        ]
        metadata["training"] = model.training
        metadata["reference"] = model.reference

        var writer = SafetensorsWriter(metadata: metadata)
        for tensor in model.tensors {
            try writer.add(tensor.name, shape: tensor.shape, floats: tensor.values, as: .float32)
        }
        try writer.write(to: path)
    }
}

extension Model<Float> {
    /// The tensors that mean something at this order, under the names of the file.
    fileprivate var tensors: [(name: String, shape: [Int], values: [Float])] {
        let d = configuration.dimension
        let h = configuration.hidden
        let c = classes.count
        var list: [(name: String, shape: [Int], values: [Float])] = [("classifier.weight", [c, d], classifierWeight)]
        if let classifierBias { list.append(("classifier.bias", [c], classifierBias)) }
        if let prior { list.append(("prior.weight", [c, d], prior)) }
        if let inputMean { list.append(("input.mean", [d], inputMean)) }
        guard configuration.order > 0 else { return list }
        list += [
            ("field.position.weight", [h, d], field.positionWeight),
            ("field.time.weight", [h], field.timeWeight),
            ("field.bias", [h], field.bias),
            ("field.output.weight", [d, h], field.outputWeight),
            ("field.output.bias", [d], field.outputBias),
        ]
        guard configuration.order == 2 else { return list }
        list += [
            ("field.velocity.weight", [h, d], field.velocityWeight),
            ("field.damping", [1], [field.damping]),
        ]
        guard let velocity else { return list }
        let g = velocity.hidden
        list += [
            ("velocity.input.weight", [g, d], velocity.inputWeight),
            ("velocity.input.bias", [g], velocity.inputBias),
            ("velocity.output.weight", [d, g], velocity.outputWeight),
            ("velocity.output.bias", [d], velocity.outputBias),
        ]
        return list
    }
}
