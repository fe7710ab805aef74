import ArgumentParser
import Foundation
import Pipelines

/// Where the service keeps its things: systemd's places, or all below one directory, or each by name.
struct PathOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Everything below one directory, for a laptop or a test.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("Holds pipeline.d and models. (default: /etc/sono)", valueName: "dir"))
    var config: String?

    @Option(help: ArgumentHelp("Holds the store. (default: /var/lib/sono)", valueName: "dir"))
    var stateDirectory: String?

    @Option(help: ArgumentHelp("Holds a directory per pipeline. (default: /var/spool/sono)", valueName: "dir"))
    var spool: String?

    @Option(help: ArgumentHelp("Holds the sockets. (default: /run/sono)", valueName: "dir"))
    var run: String?

    var paths: ServicePaths {
        var paths = root.map { ServicePaths(root: Self.absolute($0)) } ?? .system
        if let config {
            paths.configuration = "\(Self.absolute(config))/pipeline.d"
            paths.models = "\(Self.absolute(config))/models"
        }
        paths.state = stateDirectory.map(Self.absolute) ?? paths.state
        paths.spool = spool.map(Self.absolute) ?? paths.spool
        paths.run = run.map(Self.absolute) ?? paths.run
        return paths
    }

    /// What to append to a suggested command, so that it speaks to the same service.
    var suffix: String { paths.options }

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }
}
