import Dispatch
import Failures
import Foundation
import Glibc
import Logging
import Pipelines
import Refinement
import Synchronization

/// `sono serve`.
public enum Service {
    /// Runs until SIGTERM or SIGINT; SIGHUP reads pipeline.d again.
    ///
    /// - Returns: the exit status: 0 after a clean stop, 78 if no pipeline is valid, 75 if another service has this root.
    public static func run(paths: ServicePaths, options: ServiceOptions = ServiceOptions()) -> Int32 {
        // A reader that goes away must not take the service with it.
        signal(SIGPIPE, SIG_IGN)
        // Whoever started us may have it ignored, and then nobody could wait for a child.
        signal(SIGCHLD, SIG_DFL)
        let ended = DispatchSemaphore(value: 0)
        // Before anything else, so that a stop during a long start is not lost, and a reload waits for its end.
        let isStopping = Mutex(false)
        let stopping = SignalSources([SIGTERM, SIGINT], on: DispatchQueue(label: "sono.stop")) { _ in
            isStopping.withLock { $0 = true }
            ended.signal()
        }
        defer { stopping.cancel() }
        let reloads = DispatchQueue(label: "sono.reload", attributes: .initiallyInactive)
        defer { reloads.activate() }
        let started = Started()
        let reloading = SignalSources([SIGHUP], on: reloads) { _ in started.service.withLock { $0?.reload() } }
        defer { reloading.cancel() }
        defer { LogLimiter.standard.flush() }
        let service: RunningService
        do {
            service = try RunningService(
                paths: paths, options: options, isWanted: { !isStopping.withLock { $0 } }, onFault: { ended.signal() })
        } catch is RunningService.Unwanted {
            return 0
        } catch {
            let failure = error as? Failure ?? Failure(.internal, "\(error)")
            Logger.service(options).critical("\(failure)", metadata: ["code": "\(failure.code.rawValue)"])
            return noneIsValid(failure, paths) ? FailureCode.configurationInvalid.exitStatus : failure.code.exitStatus
        }
        started.service.withLock { $0 = service }
        reloads.activate()
        ended.wait()
        started.service.withLock { $0 = nil }
        return service.stop()?.code.exitStatus ?? 0
    }

    private final class Started: Sendable {
        let service = Mutex<RunningService?>(nil)
    }

    /// A model that is missing, broken or out of reach is a fault of the configuration that names it.
    private static func noneIsValid(_ failure: Failure, _ paths: ServicePaths) -> Bool {
        switch failure.code {
        case .configurationInvalid, .modelMissing, .modelInvalid, .unreadable: true
        default: false
        }
    }

    /// What `sono serve --check` found out about one pipeline.
    public struct Check: Sendable {
        public let pipeline: String
        /// Nil if it can run.
        public let failure: Failure?
        /// The model, solver and steps that it would run with.
        public let summary: String
        public let warnings: [String]
    }

    /// Reads pipeline.d and every model that it names, and changes nothing.
    public static func check(paths: ServicePaths) throws -> [Check] {
        try ConfigurationDirectory.load(paths.configuration).sorted { $0.key < $1.key }.map { name, result in
            do {
                let configuration = try result.get()
                let (model, refiner) = try Pipeline.inspect(configuration, paths: paths)
                let shape = refiner.configuration
                return Check(
                    pipeline: name, failure: nil,
                    summary:
                        "model \(model.id), order \(shape.order), \(shape.solver.rawValue) with \(shape.steps) steps, "
                        + "\(shape.dimension) dimensions, \(refiner.classes.count) classes",
                    warnings: model.warnings + refiner.warnings)
            } catch {
                let failure = error as? Failure ?? Failure(.internal, "\(error)")
                return Check(pipeline: name, failure: failure, summary: "", warnings: [])
            }
        }
    }
}
