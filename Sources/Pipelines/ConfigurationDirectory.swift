import Failures
import Foundation

/// The files of pipeline.d.
public enum ConfigurationDirectory {
    /// Reads every `NAME.yaml` or `NAME.yml` in a directory; other files are not looked at.
    ///
    /// - Returns: by pipeline name, the configuration or what is wrong with it.
    /// - Throws: `configuration_invalid` if the directory cannot be read.
    public static func load(_ path: String) throws -> [String: Result<PipelineConfiguration, Failure>] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw Failure(
                .configurationInvalid, "\(path) cannot be read: create it with one YAML file per pipeline.",
                cause: error.localizedDescription)
        }
        var found: [String: Result<PipelineConfiguration, Failure>] = [:]
        for file in names where !file.hasPrefix(".") && (file.hasSuffix(".yaml") || file.hasSuffix(".yml")) {
            let name = String(file.dropLast(file.hasSuffix(".yaml") ? 5 : 4))
            let result = Result { try read("\(path)/\(file)", pipeline: name) }
            if found[name] != nil {
                found[name] = .failure(
                    Failure(.configurationInvalid, "\(path)/\(file): a second file for pipeline \(name): remove one."))
            } else {
                found[name] = result.mapError { $0 as? Failure ?? Failure(.internal, "\($0)") }
            }
        }
        return found
    }

    private static func read(_ path: String, pipeline name: String) throws -> PipelineConfiguration {
        guard isName(name) else {
            throw Failure(
                .configurationInvalid,
                "\(path): a pipeline's name has letters, digits, - and _ only, 64 at most: rename the file.")
        }
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20,
            let yaml = String(data: data, encoding: .utf8)
        else {
            throw Failure(.configurationInvalid, "\(path): expected a readable UTF-8 file of at most 1 MiB.")
        }
        return try PipelineConfiguration(yaml: yaml, file: path)
    }

    /// Whether a text may name a pipeline, and so a directory, a metric's label and a part of a URL.
    public static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII
                    && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                        || "-_".unicodeScalars.contains(scalar))
            }
    }
}
