import Accounting
import Daemon
import EmbeddingSets
import Failures
import Foundation
import Pipelines
import Refinement
import TestSupport
import Testing

/// A root directory with one pipeline `p` and a small real model, for services in this process.
final class Root {
    static let dimension = 16
    static let isolation = Isolation(program: Product.executable.path)
    let scratch: Scratch
    let paths: ServicePaths

    init(name: String = "sono-\(UUID().uuidString)", pipeline: String = "settle: 100ms\nincomplete_after: 1s") throws {
        scratch = try Scratch(name: name)
        paths = ServicePaths(root: scratch.path)
        for folder in [paths.configuration, paths.models] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try ModelFile.save(Self.model(seed: 1), to: "\(paths.models)/m.safetensors")
        try configure("p", "model: m.safetensors\n\(pipeline)\n")
    }

    static func model(seed: UInt64) throws -> Model<Float> {
        var configuration = ModelConfiguration(dimension: dimension, hidden: 8)
        configuration.steps = 2
        return try Model<Float>.untrained(
            configuration: configuration, classes: ["a", "b", "c"], prompts: rows(3, seed: 99), labels: [0, 1, 2],
            seed: seed)
    }

    static func rows(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count * dimension).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
    }

    func configure(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(paths.configuration)/\(name).yaml"))
    }

    /// The pipeline `p`, for tests of a part of the service.
    func pipeline() throws -> Pipeline {
        for folder in [paths.state, paths.spool] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        return try Pipeline(
            name: "p", configuration: #require(ConfigurationDirectory.load(paths.configuration)["p"]).get(),
            paths: paths)
    }

    func reception() throws -> Reception {
        Reception(isolation: Self.isolation, examinations: try Examinations(path: paths.examining, known: []))
    }

    func start(
        retryAfter: Duration = .seconds(60), _ change: (inout ServiceOptions) -> Void = { _ in },
        onFault: @escaping @Sendable () -> Void = {}
    ) throws -> RunningService {
        var options = ServiceOptions()
        options.retryAfter = retryAfter
        options.logLevel = "critical"
        options.version = "test"
        options.program = Product.executable.path
        change(&options)
        return try RunningService(paths: paths, options: options, onFault: onFault)
    }

    /// As a careful producer: written elsewhere, renamed into incoming/.
    func drop(_ rows: Int, seed: UInt64, as name: String, into pipeline: String = "p") throws {
        let set = EmbeddingSet(dimension: Self.dimension, embeddings: Self.rows(rows, seed: seed))
        let temporary = "\(paths.spool)/\(pipeline)/.tmp/\(name)"
        try set.write(to: temporary)
        try #require(rename(temporary, "\(paths.spool)/\(pipeline)/incoming/\(name)") == 0)
    }

    func names(_ folder: String, of pipeline: String = "p") throws -> [String] {
        try scratch.names("spool/\(pipeline)/\(folder)")
    }

    var client: StatusClient { StatusClient(paths: paths) }

    /// Jobs and files, for the message of a test that has waited in vain.
    var whereabouts: String {
        let jobs =
            (try? client.jobs().jobs.map { "\($0.jobID) \($0.fileName) \($0.state) \($0.errorCode ?? "")" }) ?? []
        let files = ["incoming", "work"].map { "\($0): \((try? names($0)) ?? [])" }
        return (jobs + files).joined(separator: ", ")
    }

    func states() throws -> [JobState] { try client.jobs().jobs.map(\.state) }

    /// Asks as any HTTP client would.
    func get(_ target: String, method: String = "GET", socket: String? = nil) throws -> (status: Int, body: String) {
        let response = try UnixHTTPClient(path: socket ?? paths.statusSocket).send(method, target)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }
}
