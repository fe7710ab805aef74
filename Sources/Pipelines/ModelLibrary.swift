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
        if FileManager.default.fileExists(atPath: copy) { return true }
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
}
