import Accounting
import Failures
import Foundation
import Pipelines
import Spooling

/// How the service is doing: what `/v1/status` and `sono status --json` say. Keys are only ever added.
public struct StatusReport: Codable, Sendable {
    public enum Phase: String, Codable, Sendable {
        case starting
        /// Claims and computes.
        case ready
        /// Ready, but takes in nothing more for now; `paused` says why.
        case paused
        case stopping
        /// No service answers; what is said was read from the store.
        case down
    }

    /// A failure as data.
    public struct Problem: Codable, Equatable, Sendable {
        public var code: String
        public var message: String

        public init(_ failure: Failure) {
            code = failure.code.rawValue
            message = failure.message
        }
    }

    public struct Model: Codable, Sendable {
        /// First 12 hex digits of the digest.
        public var id: String
        public var sha256: String
        public var file: String
        public var order: Int
        public var solver: String
        public var steps: Int
        public var form: String
        public var kernel: String
        public var dimension: Int
        public var classes: Int
        public var encoder: String?
    }

    public struct Running: Codable, Sendable {
        public var jobID: JobID
        public var pipeline: String
        public var rows: Int
        public var rowsDone: Int
        public var seconds: Double

        public enum CodingKeys: String, CodingKey {
            case jobID = "job_id"
            case pipeline
            case rows
            case rowsDone = "rows_done"
            case seconds
        }
    }

    public enum PipelineState: String, Codable, Sendable {
        case running
        /// Its file or its model cannot be used; its incoming/ is left alone.
        case misconfigured
        /// Its file is gone; its work stays where it is.
        case removed
        /// Nothing is known of the configuration: the service is down.
        case unknown
    }

    public struct Pipeline: Codable, Sendable {
        public var name: String
        public var state: PipelineState
        /// Why it is misconfigured, why its newest configuration was not taken, or what ails its directories.
        public var problem: Problem?
        public var warnings: [String]
        public var model: Model?
        /// Files that are no jobs yet.
        public var incoming: Int
        public var counts: PipelineCounts?
    }

    public var schema = "sono-status/1"
    public var phase: Phase
    public var version: String?
    public var pid: Int32?
    /// ISO 8601 UTC.
    public var startedAt: String?
    /// Why intake pauses.
    public var paused: Problem?
    public var running: Running?
    /// Not said by a service of before these keys, like `troubles`.
    public var progress: Progress?
    public var lastCommitAt: String?
    /// Of the batch computed last.
    public var rowsPerSecond: Double?
    public var pipelines: [Pipeline]
    public var store: StoreInfo?
    /// Why the store could not be read, with the service down.
    public var storeProblem: Problem?
    /// Why no service answered; nil if one did.
    public var absence: Absence?
    /// What is free where batches come in, and where results go.
    public var spoolFreeBytes: Int?
    public var stateFreeBytes: Int?
    /// Since when a reader has kept a large write-ahead log from being emptied.
    public var walHeldSince: String?
    /// What is not as it should be and stops nothing yet.
    public var warnings: [String]
    /// All that is stuck, these warnings and problems included, with what to type; the gravest first.
    public var troubles: [Trouble]?

    public enum CodingKeys: String, CodingKey {
        case schema
        case phase
        case version
        case pid
        case startedAt = "started_at"
        case paused
        case running
        case progress
        case lastCommitAt = "last_commit_at"
        case rowsPerSecond = "rows_per_second"
        case pipelines
        case store
        case storeProblem = "store_problem"
        case absence
        case spoolFreeBytes = "spool_free_bytes"
        case stateFreeBytes = "state_free_bytes"
        case walHeldSince = "wal_held_since"
        case warnings
        case troubles
    }
}

extension StatusReport {
    /// What can be said with the service down.
    public init(store reader: StoreReader) throws {
        self.init(phase: .down, pipelines: [], store: try reader.info(), warnings: [])
        pipelines = try reader.counts().map { counts in
            Pipeline(name: counts.pipeline, state: .unknown, warnings: [], incoming: 0, counts: counts)
        }
    }

    init(board: Board, reader: StoreReader, options: ServiceOptions, paths: ServicePaths) throws {
        let now = board.snapshot
        self.init(phase: now.paused != nil && now.phase == .ready ? .paused : now.phase, pipelines: [], warnings: [])
        version = options.version
        pid = getpid()
        startedAt = Self.text(board.startedAt)
        paused = now.paused.map(Problem.init)
        lastCommitAt = now.lastCommit.map(Self.text)
        rowsPerSecond = now.rowsPerSecond
        running = now.running.map { running in
            Running(
                jobID: running.job.id, pipeline: running.job.pipeline, rows: running.job.rows ?? 0,
                rowsDone: running.control.rowsDone, seconds: Date().timeIntervalSince(running.since))
        }
        let info = try reader.info()
        store = info
        spoolFreeBytes = DiskSpace.Room(of: paths.spool)?.free
        stateFreeBytes = DiskSpace.Room(of: paths.state)?.free
        // A reader may be at work for a moment; one that is at it for longer is one that was forgotten.
        if let since = now.walHeldSince, Date().timeIntervalSince(since) >= 60 {
            walHeldSince = Self.text(since)
            warnings.append(
                "the WAL has grown to \(info.walBytes >> 20) MiB since \(Self.text(since)): a reader holds an old view of the "
                    + "store; `fuser -v \(paths.store.shellQuoted)` names who has it open, end its transaction."
            )
        }
        let counts = Dictionary(uniqueKeysWithValues: try reader.counts().map { ($0.pipeline, $0) })
        let served = Set(now.pipelines.keys).union(counts.keys)
        // A producer may still drop files for a pipeline whose configuration is gone: they must not be invisible.
        let dropped = Set((try? SpoolLayout.pipelines(in: paths.spool)) ?? []).subtracting(served)
        pipelines = served.union(dropped).sorted().compactMap { name in
            let pipeline = Self.pipeline(name, now, counts[name], paths)
            return served.contains(name) || pipeline.incoming > 0 ? pipeline : nil
        }
        progress = judgedProgress(at: Date())
    }

    private static func pipeline(
        _ name: String, _ now: Board.State, _ counts: PipelineCounts?, _ paths: ServicePaths
    ) -> Pipeline {
        var report = Pipeline(
            name: name, state: .removed, warnings: [], incoming: now.incoming[name] ?? 0, counts: counts)
        switch now.pipelines[name] {
        case .success(let pipeline):
            report.state = .running
            report.warnings = pipeline.warnings
            report.model = model(of: pipeline, paths)
        case .failure(let failure):
            report.state = .misconfigured
            report.problem = Problem(failure)
        case nil: break
        }
        if report.state != .running {
            let layout = SpoolLayout(root: paths.spool, pipeline: name)
            report.incoming = max(report.incoming, (try? layout.filesInIncoming()) ?? 0)
        }
        if report.state != .removed, let failure = now.spoolTrouble[name] ?? now.refusedReloads[name] {
            report.problem = Problem(failure)
        }
        return report
    }

    private static func model(of pipeline: Pipelines.Pipeline, _ paths: ServicePaths) -> Model {
        let configuration = pipeline.refiner.configuration
        return Model(
            id: pipeline.model.id, sha256: pipeline.model.sha256, file: paths.model(pipeline.configuration.model),
            order: configuration.order, solver: configuration.solver.rawValue, steps: configuration.steps,
            form: pipeline.refiner.form.rawValue, kernel: pipeline.refiner.kernel, dimension: configuration.dimension,
            classes: pipeline.refiner.classes.count, encoder: configuration.encoder)
    }

    private static func text(_ date: Date) -> String { date.ISO8601Format(.init(includingFractionalSeconds: true)) }

    /// One line for `systemctl status`.
    var line: String {
        let states = pipelines.compactMap(\.counts?.jobs)
        func total(_ state: JobState) -> Int { states.reduce(0) { $0 + ($1[state] ?? 0) } }
        var words = ["\(phase.rawValue): \(total(.queued) + total(.retrying)) waiting"]
        if let running {
            // Not how far it is: the line is told when a job begins or ends, and stands until then.
            words.append("job \(running.jobID) running (\(running.rows) rows)")
        }
        let incoming = pipelines.reduce(0) { $0 + $1.incoming }
        if incoming > 0 { words.append("\(incoming) coming in") }
        words.append("\(total(.done)) done")
        if total(.failed) > 0 { words.append("\(total(.failed)) failed") }
        if total(.held) > 0 { words.append("\(total(.held)) held") }
        if let rowsPerSecond { words.append("\(Int(rowsPerSecond)) rows/s") }
        if let paused { words.append("intake paused (\(paused.code))") }
        if walHeldSince != nil { words.append("the WAL is held by a reader") }
        for pipeline in pipelines {
            if let problem = pipeline.problem { words.append("\(pipeline.name): \(problem.code)") }
            if pipeline.state == .removed, pipeline.incoming > 0 {
                words.append("\(pipeline.name): \(pipeline.incoming) files and no configuration")
            }
        }
        return words.joined(separator: ", ")
    }
}
