import Accounting
import Failures
import Foundation

/// Takes away, or counts, what has had its time in several pipelines.
public struct Retention: Sendable {
    /// By pipeline name. One whose configuration is bad is left alone: nobody knows what it wants to keep.
    public typealias Wishes = [String: Result<PipelineConfiguration.Retention, Failure>]

    private let wishes: Wishes
    private let now: Date

    public init(_ wishes: Wishes, now: Date = Date()) {
        self.wishes = wishes
        self.now = now
    }

    /// As the files of pipeline.d say; no model is looked at.
    public init(configuration path: String) throws {
        self.init(try ConfigurationDirectory.load(path).mapValues { $0.map(\.retention) })
    }

    /// - Parameter pace: called between steps, each of which holds the writer for 50 ms at most; may wait, and throw to
    ///   end it all.
    public func collect(store: Store, paths: ServicePaths, pace: @escaping () throws -> Void = {}) throws
        -> RetentionReport
    {
        try report(dryRun: false) { name, wish in
            try RetentionRun(store: store, paths: paths, pipeline: name, horizons: Horizons(wish, now: now), pace: pace)
                .run()
        }
    }

    /// What `collect` would take away now.
    public func count(reader: StoreReader) throws -> RetentionReport {
        try report(dryRun: true) { name, wish in
            (try reader.expired(pipeline: name, Horizons(wish, now: now)), [])
        }
    }

    private func report(
        dryRun: Bool, _ body: (String, PipelineConfiguration.Retention) throws -> (RemovalCounts, [Failure])
    ) throws -> RetentionReport {
        var report = RetentionReport(dryRun: dryRun)
        for (name, wish) in wishes.sorted(by: { $0.key < $1.key }) {
            switch wish {
            case .success(let retention):
                let (counts, troubles) = try body(name, retention)
                report.pipelines.append(.init(name: name, removed: counts, troubles: troubles.map(\.message)))
            case .failure(let failure):
                report.pipelines.append(.init(name: name, removed: RemovalCounts(), troubles: [failure.message]))
            }
        }
        return report
    }
}

extension Horizons {
    init(_ retention: PipelineConfiguration.Retention, now: Date) {
        func horizon(_ kept: Duration?) -> Date? { kept.map { now.addingTimeInterval(-$0.seconds) } }
        self.init(
            inputs: horizon(retention.inputs), failed: horizon(retention.failed),
            features: horizon(retention.features), results: horizon(retention.results), jobs: horizon(retention.jobs))
    }
}
