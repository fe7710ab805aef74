import Accounting
import Failures
import Foundation
import Refinement
import TensorFiles

/// The models of a service: read once into memory, and kept by digest so that finished jobs can be recomputed.
public struct ModelLibrary: Sendable {
    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// Loads a model by the name a configuration gives it and keeps a copy as STATE/models/SHA256.safetensors.
    ///
    /// The copy is made from a second read of the file; were the file replaced in between, the digests would differ and
    /// the load starts again.
    ///
    /// - Parameter loaded: what is in memory already; it is returned if the file still has its bytes.
    public func load(_ name: String, unless loaded: LoadedModel? = nil) throws -> LoadedModel {
        let path = paths.model(name)
        if let loaded, try ModelFile.digest(path: path) == loaded.sha256 { return loaded }
        for _ in 0..<3 {
            let loaded = try ModelFile.load(path: path)
            if try keep(path, sha256: loaded.sha256) { return loaded }
        }
        throw Failure(.modelInvalid, "\(path) changes while it is read: put models in place by rename.")
    }

    /// The model that a job was computed with.
    public func kept(sha256: String) throws -> LoadedModel {
        let loaded = try ModelFile.load(path: paths.keptModel(sha256: sha256))
        guard loaded.sha256 == sha256 else {
            throw Failure(
                .modelInvalid, "\(paths.keptModel(sha256: sha256)) was altered: its digest is \(loaded.sha256).")
        }
        return loaded
    }

    private func keep(_ path: String, sha256: String) throws -> Bool {
        let copy = paths.keptModel(sha256: sha256)
        // Its time of change says when a pipeline last took it up: see `removeUnused`.
        if utimes(copy, nil) == 0 { return true }
        try AtomicFile.makeDirectory(paths.keptModels)
        guard let bytes = FileManager.default.contents(atPath: path) else { return false }
        // Not under its name before its digest is known to be right.
        let temporary = "\(copy).new"
        try AtomicFile.write(Array(bytes), to: temporary, mode: 0o640)
        guard try ModelFile.load(path: temporary).sha256 == sha256 else {
            try? FileManager.default.removeItem(atPath: temporary)
            return false
        }
        guard rename(temporary, copy) == 0 else { throw Failure.system("rename \(temporary)") }
        try AtomicFile.syncDirectory(paths.keptModels)
        return true
    }

    /// Removes copies that no job refers to any more, and that no pipeline has taken up since `horizon`: one that has may be
    /// about to begin its first job.
    ///
    /// - Parameter running: digests of the models that pipelines run with now.
    /// - Returns: the digests of those that are gone.
    public func removeUnused(_ reader: StoreReader, running: Set<String>, before horizon: Date) throws -> [String] {
        var removed: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: paths.keptModels) {
            let sha256 = String(name.prefix { $0 != "." })
            let path = paths.keptModel(sha256: sha256)
            var status = stat()
            guard path.hasSuffix("/\(name)"), !running.contains(sha256), lstat(path, &status) == 0,
                Double(status.st_mtim.tv_sec) < horizon.timeIntervalSince1970, try !reader.hasJobs(model: sha256)
            else { continue }
            guard unlink(path) == 0 else { throw Failure.system("unlink \(path)") }
            removed.append(sha256)
        }
        return removed
    }
}
