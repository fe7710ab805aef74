import CLinux
import EmbeddingSets
import Failures
import Foundation
import Spooling

/// Work on one file in a process of its own, so that a file which crashes or hangs whoever reads it costs nobody else.
///
/// The same program is started with the hidden command `isolated`; it gets its task on standard input and answers on
/// standard output. It has a limit on its memory, is killed when whoever waits for it has waited long enough, and ends with
/// the service, however that ends.
public struct Isolation: Sendable {
    /// The hidden command of the program.
    public static let command = "isolated"
    private let program: String
    private static let lookAgain: Int32 = 100

    /// - Parameter program: `sono`; by default the program that runs, even where its file was replaced by now.
    public init(program: String = "/proc/self/exe") {
        self.program = program
    }

    /// The first pass over a file.
    ///
    /// - Parameter tick: called ten times a second; what it throws ends the process, and is thrown on.
    /// - Throws: `crashed`, what the first pass finds, and what `tick` throws.
    package func inspect(_ task: IsolatedTask, tick: () throws -> Void) throws -> EmbeddingSetInspection {
        switch try answer(task, classes: 0, tick: tick).outcome {
        case .inspected(let inspection): return inspection
        case .failed(let failure): throw failure
        case .computed: throw Self.crashed("gave an answer to another question")
        }
    }

    /// Steps 4 and 5 of a batch's life.
    ///
    /// - Parameters:
    ///   - classes: as many as the model has.
    ///   - tick: as for `inspect`.
    func compute(
        _ task: IsolatedTask, classes: Int, tick: () throws -> Void
    ) throws -> (BatchComputation.Output, featuresPath: String?) {
        switch try answer(task, classes: classes, tick: tick).outcome {
        case .computed(let output, let featuresPath): return (output, featuresPath)
        case .failed(let failure): throw failure
        case .inspected: throw Self.crashed("gave an answer to another question")
        }
    }

    private static func crashed(_ how: String) -> Failure {
        Failure(
            .crashed, "the process that read this file alone \(how): look for its words in the log, and at the file.")
    }

    private func answer(_ task: IsolatedTask, classes: Int, tick: () throws -> Void) throws -> IsolatedAnswer {
        var process = try start()
        let bytes: [UInt8]?
        let end: IsolatedProcess.End
        do {
            process.ask(Array(try JSONEncoder().encode(task)))
            bytes = try process.listen(upTo: task.answerBytes, every: Self.lookAgain, tick)
            // Too much of an answer: it goes on writing, to nobody.
            if bytes == nil { process.kill() }
            end = try process.wait(tick)
        } catch {
            process.kill()
            _ = try? process.wait {}
            throw error
        }
        guard end == .exited(0) else { throw Self.crashed(end.words) }
        guard let bytes, let answer = IsolatedAnswer(bytes, classes: classes) else {
            throw Self.crashed("gave no sensible answer")
        }
        return answer
    }

    private func start() throws -> IsolatedProcess {
        guard let process = IsolatedProcess(program: program, arguments: ["sono", Self.command]) else {
            throw Failure.system("start a process of its own for a file")
        }
        return process
    }
}
