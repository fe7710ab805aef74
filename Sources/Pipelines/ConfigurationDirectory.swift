import Failures
import Foundation
import TensorFiles

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
        return try read(path)
    }

    /// Reads one file, whatever stands under its name: a FIFO is not waited for, and no more is read than a pipeline needs.
    package static func read(_ path: String) throws -> PipelineConfiguration {
        let bytes: [UInt8]
        do {
            let file = try InputFile(path: path, limits: limits)
            bytes = try [UInt8](unsafeUninitializedCapacity: file.size) { buffer, filled in
                filled = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            }
        } catch let failure as Failure {
            throw Failure(
                .configurationInvalid, "\(path): expected a readable file of at most \(limits.fileBytes >> 10) KiB.",
                cause: failure.message)
        }
        guard let yaml = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.configurationInvalid, "\(path): expected UTF-8: save it in that encoding.")
        }
        return try PipelineConfiguration(yaml: yaml, file: path)
    }

    /// Of one file. Symbolic links are followed: whoever writes pipeline.d owns it.
    private static let limits: FileLimits = {
        var limits = FileLimits()
        limits.fileBytes = 64 << 10
        limits.followsSymbolicLinks = true
        return limits
    }()

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
