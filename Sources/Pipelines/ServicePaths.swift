import Failures
import Foundation

/// Where a service keeps what.
public struct ServicePaths: Sendable, Equatable {
    /// pipeline.d: one YAML file per pipeline.
    public var configuration: String
    public var models: String
    public var state: String
    public var spool: String
    /// The sockets.
    public var run: String

    /// Everything below one directory, for a laptop or a test.
    public init(root: String) {
        configuration = "\(root)/pipeline.d"
        models = "\(root)/models"
        state = "\(root)/state"
        spool = "\(root)/spool"
        run = "\(root)/run"
    }

    public init(configuration: String, models: String, state: String, spool: String, run: String) {
        self.configuration = configuration
        self.models = models
        self.state = state
        self.spool = spool
        self.run = run
    }

    /// The paths under systemd.
    public static let system = ServicePaths(
        configuration: "/etc/sono/pipeline.d", models: "/etc/sono/models", state: "/var/lib/sono",
        spool: "/var/spool/sono", run: "/run/sono")

    /// What to append to a command, so that it speaks to this service; nothing for the one that is installed.
    public var options: String {
        if self == .system { return "" }
        let root = (state as NSString).deletingLastPathComponent
        if self == ServicePaths(root: root) { return " --root \(root.shellQuoted)" }
        let given = [
            ("config", (configuration as NSString).deletingLastPathComponent, "/etc/sono"),
            ("state-directory", state, Self.system.state), ("spool", spool, Self.system.spool),
            ("run", run, Self.system.run),
        ]
        return given.filter { $1 != $2 }.map { name, path, _ in " --\(name) \(path.shellQuoted)" }.joined()
    }

    /// What starts this service.
    public var startCommand: String { options.isEmpty ? "systemctl start sono" : "sono serve\(options)" }

    public var store: String { "\(state)/sono.sqlite" }
    public var stateLock: String { "\(state)/sono.lock" }
    public var examining: String { "\(state)/examining" }
    public var spoolLock: String { "\(spool)/.lock" }
    public var keptModels: String { "\(state)/models" }
    public var statusSocket: String { "\(run)/status.sock" }
    public var controlSocket: String { "\(run)/control.sock" }

    /// The model file that a configuration names: absolute, or in the models directory.
    public func model(_ name: String) -> String {
        name.hasPrefix("/") ? name : "\(models)/\(name)"
    }

    /// The copy that finished jobs can be recomputed with.
    public func keptModel(sha256: String) -> String { "\(keptModels)/\(sha256).safetensors" }

    public func features(pipeline: String) -> String { "\(state)/features/\(pipeline)" }
}
