import Failures
import Foundation
import Pipelines

/// The directory below which the demo's service lives; gone with the demo unless it is to be kept.
final class DemoRoot: Sendable {
    let path: String
    let isKept: Bool
    var paths: ServicePaths { ServicePaths(root: path) }

    /// - Parameter keep: a directory to keep, new or empty; nil for a temporary one.
    init(keep: String?) throws {
        let files = FileManager.default
        isKept = keep != nil
        if let keep {
            path = URL(fileURLWithPath: keep).standardizedFileURL.path
            guard !files.fileExists(atPath: path) || (try? files.contentsOfDirectory(atPath: path).isEmpty) == true
            else {
                throw Failure(
                    .invalidArgument, "\(path) is no empty directory: give a new one to keep the demo in.")
            }
        } else {
            path = files.temporaryDirectory.appending(path: "sono-demo-\(getpid())").path
        }
        do {
            for folder in ["pipeline.d", "models"] {
                try files.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
            }
        } catch {
            throw Failure(.ioError, "\(path) cannot be made: check its parent's mode.", cause: "\(error)")
        }
    }

    func remove() {
        if !isKept { try? FileManager.default.removeItem(atPath: path) }
    }

    deinit {
        remove()
    }
}
