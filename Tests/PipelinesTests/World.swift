import Accounting
import EmbeddingSets
import Failures
import Foundation
import Pipelines
import Refinement
import Spooling
import TensorFiles
import TestSupport
import Testing

/// A pipeline `p` with a real spool, a real store and a small real model, and nothing running.
final class World {
    static let dimension = 16
    let root: Scratch
    let paths: ServicePaths
    let store: Store
    var pipeline: Pipeline

    init(_ more: String = "") throws {
        root = try Scratch()
        paths = ServicePaths(root: root.path)
        for folder in [paths.configuration, paths.models, paths.state, paths.spool, paths.run] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try ModelFile.save(Self.model(), to: "\(paths.models)/m.safetensors")
        store = try Store.open(path: paths.store)
        pipeline = try Pipeline(
            name: "p", configuration: PipelineConfiguration(yaml: "model: m.safetensors\n\(more)", file: "p.yaml"),
            paths: paths)
    }

    /// The same directories with whatever store is there now, as a new start finds them.
    init(continuing world: World) throws {
        root = world.root
        paths = world.paths
        store = try Store.open(path: paths.store)
        pipeline = try Pipeline(name: "p", configuration: world.pipeline.configuration, paths: paths)
    }

    static func model(
        seed: UInt64 = 1, dimension: Int = dimension, encoder: String = "test-encoder"
    ) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: dimension, hidden: 8)
        configuration.encoder = encoder
        configuration.steps = 2
        return try Model<Float>.untrained(
            configuration: configuration, classes: ["a", "b", "c"],
            prompts: rows(3, seed: 99, dimension: dimension), labels: [0, 1, 2], seed: seed)
    }

    /// Deterministic rows `[n, dimension]`.
    static func rows(_ count: Int, seed: UInt64, dimension: Int = dimension) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count * dimension).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
    }

    static func set(_ count: Int, seed: UInt64, dimension: Int = dimension) -> EmbeddingSet {
        var set = EmbeddingSet(
            dimension: dimension, embeddings: rows(count, seed: seed, dimension: dimension),
            ids: .integers((0..<count).map { Int64(1_000 * Int(seed) + $0) }))
        set.encoder = "test-encoder"
        return set
    }

    /// What is refused at once: the beginning of a zip file.
    static let refused = Data([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 200))

    var life: BatchLife { BatchLife(pipeline: pipeline, store: store) }
    var recovery: Recovery { Recovery(store: store, paths: paths) }

    @discardableResult
    func drop(_ set: EmbeddingSet, as name: String) throws -> FileName {
        try set.write(to: incoming(name))
        return try #require(FileName(name))
    }

    func incoming(_ name: String) -> String { "\(paths.spool)/p/incoming/\(name)" }

    func names(_ folder: String) throws -> [String] { try root.names("spool/p/\(folder)") }

    /// Where the one file of this world is, by folder; the reason beside a failed one does not count.
    var places: [String: [String]] {
        get throws {
            var found: [String: [String]] = [:]
            for folder in ["incoming", "work", "done", "failed"] {
                let names = try names(folder).filter { !$0.hasSuffix(".reason.json") }
                if !names.isEmpty { found[folder] = names }
            }
            return found
        }
    }

    /// Steps 0 and 1.
    func claim(_ name: FileName) throws -> BatchLife.Claim {
        try #require(life.claim([name]).claims.first)
    }

    /// Steps 0 to 2.
    func admit(_ name: FileName) throws -> QueuedJob {
        let claim = try claim(name)
        return try life.admit(claim.token, name: claim.name)
    }

    /// Steps 3 to 7.
    func run(
        _ job: QueuedJob, control: BatchControl? = nil, in isolation: Isolation? = nil,
        beat: @escaping @Sendable () -> Void = {}
    ) throws -> BatchLife.Outcome {
        let control = control ?? BatchControl(limit: pipeline.configuration.limits.deadline)
        return try life.begin(job)
            ?? life.settle(life.compute(job, control: control, in: isolation), control: control, beat: beat)
    }

    func record(_ id: JobID) throws -> JobRecord {
        try withReader { try $0.job(id) }
    }

    func withReader<Value>(_ body: (StoreReader) throws -> Value) throws -> Value {
        let reader = try StoreReader.open(path: paths.store)
        defer { try? reader.close() }
        return try body(reader)
    }

    func results() throws -> [ResultRecord] {
        try withReader { try $0.results(after: 0, limit: 1_000_000) }
    }

    /// Does all that a start does, and runs what is due, until nothing waits.
    func restart() throws {
        _ = try recovery.recoverStore { _ in self.pipeline.configuration.limits.attempts }
        for claim in try recovery.claims(of: pipeline) { _ = try life.admit(claim.token, name: claim.name) }
        for job in try store.unsettled(pipeline: "p") where job.state != .held { _ = try run(job) }
    }
}
