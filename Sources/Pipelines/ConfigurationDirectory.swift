import Failures
import Foundation
import TensorFiles

/// The files of pipeline.d.
public enum ConfigurationDirectory {
    private static let suffix = ".yaml"

    /// Reads every `NAME.yaml` in a directory. A `NAME.yml` is refused, so that nobody wonders why it has no effect; other
    /// files are not looked at.
    ///
    /// - Returns: by pipeline name, the configuration or what is wrong with it.
    /// - Throws: `configuration_invalid` if the directory cannot be read.
    public static func load(_ path: String) throws -> [String: Result<PipelineConfiguration, Failure>] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            if access(path, R_OK | X_OK) != 0, errno == EACCES {
                throw Failure(
                    .configurationInvalid,
                    "\(path) may not be read by \(AccountName.user(geteuid())): "
                        + "type `chmod a+rx \(path.shellQuoted)`.")
            }
            throw Failure(
                .configurationInvalid, "\(path) cannot be read: create it with one YAML file per pipeline.",
                cause: error.localizedDescription)
        }
        var found: [String: Result<PipelineConfiguration, Failure>] = [:]
        for file in names where !file.hasPrefix(".") && file.hasSuffix(suffix) {
            let name = String(file.dropLast(suffix.count))
            found[name] = Result { try read("\(path)/\(file)", pipeline: name) }
                .mapError { $0 as? Failure ?? Failure(.internal, "\($0)") }
        }
        for file in names where !file.hasPrefix(".") && file.hasSuffix(".yml") {
            let name = String(file.dropLast(".yml".count))
            let remedy =
                found[name] == nil ? "rename it to \(name)\(suffix)" : "remove it, or rename it to \(name)\(suffix)"
            found[name] = .failure(
                Failure(
                    .configurationInvalid,
                    "\(path)/\(file): a pipeline's file is called NAME\(suffix): \(remedy)."))
        }
        return found
    }

    /// The pipelines that have a file, good or bad; nil if the directory may not be listed.
    public static func names(in path: String) -> Set<String>? {
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: path) else { return nil }
        return Set(
            files.filter { !$0.hasPrefix(".") && $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) })
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
        } catch let failure as Failure where failure.code == .unreadable {
            throw Failure(
                .configurationInvalid,
                "\(path) may not be read by \(AccountName.user(geteuid())): "
                    + "type `chmod a+r \(path.shellQuoted)`.", cause: failure.cause)
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
