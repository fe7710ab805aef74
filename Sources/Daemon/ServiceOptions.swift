import Logging

/// What `sono serve` can be told besides its paths.
public struct ServiceOptions: Sendable {
    /// HOST:PORT for the status over TCP as well; nil for the socket only.
    public var http: String?
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    public var logLevel = "info"
    public var logFormat = LogFormat.text
    public var version = "0"
    /// How soon a pipeline whose trouble may pass is tried again.
    package var retryAfter = Duration.seconds(60)
    /// `sono` itself, for batches that get a process of their own.
    package var program = "/proc/self/exe"
    /// How often retention looks for what has had its time.
    package var retentionInterval = Duration.seconds(3_600)
    /// Whose members may hold, release, cancel and requeue.
    public var adminGroup = "sono-admin"

    public init() {}

    var level: Logger.Level { Logger.Level(rawValue: logLevel) ?? .info }
}
