import Failures

/// Makes pipelines of configurations: each loads its model, or fails by itself.
public struct PipelineLoader: Sendable {
    public struct Loaded: Sendable {
        public let all: [String: Result<Pipeline, Failure>]

        public var running: [String: Pipeline] { all.compactMapValues { try? $0.get() } }

        public var failures: [String: Failure] {
            all.compactMapValues { result in
                if case .failure(let failure) = result { failure } else { nil }
            }
        }
    }

    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// - Parameter running: pipelines that run now; what has not changed of them is gone on with.
    public func load(
        _ configurations: [String: Result<PipelineConfiguration, Failure>], running: [String: Pipeline] = [:]
    ) -> Loaded {
        Loaded(
            all: Dictionary(
                uniqueKeysWithValues: configurations.map { name, configuration in
                    (name, configuration.flatMap { load(name, $0, insteadOf: running[name]) })
                }))
    }

    private func load(
        _ name: String, _ configuration: PipelineConfiguration, insteadOf running: Pipeline?
    ) -> Result<Pipeline, Failure> {
        do {
            return .success(
                try Pipeline(name: name, configuration: configuration, paths: paths, insteadOf: running))
        } catch {
            let failure = error as? Failure ?? Failure(.internal, "\(error)")
            return .failure(Failure(failure.code, "pipeline \(name): \(failure.message)", cause: failure.cause))
        }
    }
}
