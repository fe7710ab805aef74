import ArgumentParser
import Daemon
import Failures
import Foundation
import Pipelines

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service until SIGTERM.",
        discussion: """
            Batches that appear in SPOOL/PIPELINE/incoming are refined, classified and accounted for in STATE/sono.sqlite. \
            SIGHUP reads pipeline.d again. Logs go to standard error.

            EXAMPLES
              sono serve --root ~/sono --http 127.0.0.1:8080
              sono serve --check           say what is wrong with pipeline.d
            """)

    @Flag(help: "Check pipeline.d and the models it names, then end; nothing is changed.")
    var check = false

    @Option(help: ArgumentHelp("Offer the status over TCP too; give a loopback address.", valueName: "host:port"))
    var http: String?

    @Option(help: "debug, info, notice, warning or error.", completion: .list(logLevels))
    var logLevel = "info"

    @Option(help: "text, or json: one object a line.")
    var logFormat = LogFormat.text

    private static let logLevels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

    /// Ends the service when the process of this id, its parent, does; for the demo.
    @Option(help: .hidden)
    var endWithParent: Int32?

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        if !Self.logLevels.contains(logLevel) {
            throw ValidationError("--log-level is one of \(Self.logLevels.joined(separator: ", ")).")
        }
    }

    func run() throws {
        let paths = places.paths
        if check {
            try ServiceUser.giveUpRoot(for: paths)
            return try report(Service.check(paths: paths))
        }
        try ServiceUser.refuseRoot(for: paths)
        if let endWithParent { try ParentDeath.endWith(parent: endWithParent) }
        var options = ServiceOptions()
        options.http = http
        options.logLevel = logLevel
        options.logFormat = logFormat
        options.version = Sono.version
        Foundation.exit(Service.run(paths: paths, options: options))
    }

    private func report(_ checks: [Service.Check]) throws {
        if form.json {
            try Output.print(json: Document("sono-check/1", ["pipelines": checks.map(CheckedPipeline.init)]))
        } else {
            for check in checks {
                Messages.warn(check.warnings.map { "\(check.pipeline): \($0)" })
                if let failure = check.failure {
                    Messages.say("sono: \(check.pipeline): \(failure)")
                } else {
                    try Output.print("\(check.pipeline): ok, \(check.summary)")
                }
            }
        }
        guard checks.contains(where: { $0.failure == nil }), checks.allSatisfy({ $0.failure == nil }) else {
            throw Failure(
                .configurationInvalid,
                checks.isEmpty
                    ? "there is no pipeline in \(places.paths.configuration): write NAME.yaml with `model: FILE` there."
                    : "mend the pipelines above, then check again.")
        }
    }

    private struct CheckedPipeline: Encodable {
        let pipeline: String
        let ok: Bool
        let summary: String
        let errorCode: String?
        let errorMessage: String?
        let warnings: [String]

        init(_ check: Service.Check) {
            pipeline = check.pipeline
            ok = check.failure == nil
            summary = check.summary
            errorCode = check.failure?.code.rawValue
            errorMessage = check.failure?.message
            warnings = check.warnings
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
