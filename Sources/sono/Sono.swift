import ArgumentParser
import CBuild
import Dynamics
import Failures
import Foundation

@main
struct Sono: ParsableCommand {
    static let version = "0.1.0"
    /// Name and version, as written into files.
    static let tool = "sono \(version)"
    /// What `--version` says: which program this is, and with which of its kernels it computes on this processor.
    private static var description: String {
        "\(tool) (commit \(String(cString: sono_build_commit())), kernel \(Float.offeredKernelName))"
    }

    static let configuration = CommandConfiguration(
        commandName: "sono",
        abstract: "Refine embeddings with a second-order neural ODE, classify them, account for every batch.",
        discussion: """
            EXAMPLES
              sono demo                    all of it on real data, in a minute
              sono train --support s.safetensors.zst --prompts p.safetensors.zst \\
                --output m.safetensors
              sono refine --model m.safetensors rows.npy refined.safetensors.zst
              sono serve --root DIR        the service, all below one directory
              sono status --root DIR

            Data goes to standard output, words to standard error. Exit codes: 0 ok, 1 a negative answer, 64 usage, \
            65 bad data, 66 no input, 69 service unavailable, 70 internal, 74 I/O, 75 try again, 78 configuration.
            """,
        version: description,
        groupedSubcommands: [
            CommandGroup(name: "Try it", subcommands: [Demo.self]),
            CommandGroup(
                name: "Run the service",
                subcommands: [
                    Serve.self, Submit.self, Status.self, Queue.self, Jobs.self, Job.self, Results.self, Requeue.self,
                    Cancel.self,
                    Hold.self, Release.self, Verify.self, GC.self, Backup.self, DoctorCommand.self, Isolated.self,
                ]),
            CommandGroup(
                name: "Work with files",
                subcommands: [
                    Train.self, Evaluate.self, Pilot.self, Audit.self, Sweep.self, Refine.self, Inspect.self, Pack.self,
                    Bench.self,
                ]),
        ])

    /// The one place where an error becomes an exit code.
    static func main() {
        // A reader that goes away is met as EPIPE where we write, not as a signal that also hits the service's sockets.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            do { try command.run() } catch { throw foreseen(error) }
        } catch is Output.ReaderGone {
            return
        } catch let failure as Failure {
            Messages.say("sono: \(failure)")
            Foundation.exit(failure.code.exitStatus)
        } catch {
            exit(withError: error)
        }
    }

    /// What nobody foresaw is `internal`: ArgumentParser would exit with 1, which is a negative answer.
    private static func foreseen(_ error: any Error) -> any Error {
        switch error {
        case is Failure, is Output.ReaderGone, is ExitCode: error
        case _ where exitCode(for: error) != .failure: error
        default: Failure(.internal, "something unforeseen went wrong: report this.", cause: "\(error)")
        }
    }
}
