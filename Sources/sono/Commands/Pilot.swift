import ArgumentParser
import EmbeddingSets
import Evaluation
import Failures
import Foundation
import TensorFiles
import Training

struct Pilot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge by criteria fixed beforehand whether refinement pays for you.",
        discussion: """
            Trains the model and its rivals on several draws of your rows, judges all of them on the test rows, times them on \
            this machine, and compares what refinement brings and what it asks for with --criteria. The verdict is adopt, \
            adopt in stages or do not adopt, with a reason for each criterion; the exit code is 1 when it is no. \
            --sample prints a criteria file: change it before you run the pilot, not afterwards.

            EXAMPLE
              sono pilot --sample > criteria.yaml
              sono pilot --criteria criteria.yaml --shots 16 \\
                --support pool.safetensors.zst --prompts prompts.safetensors.zst \\
                --validation validation.safetensors.zst --test test.safetensors.zst
            """)

    @Flag(help: "Print a criteria file and do nothing else.")
    var sample = false

    @Option(help: "The criteria, YAML.")
    var criteria: String?

    @Option(help: "Labelled rows to draw the support from.")
    var support: String?

    @Option(help: "Prompt embeddings of every class.")
    var prompts: String?

    @Option(help: "Labelled rows to choose settings by.")
    var validation: String?

    @Option(help: "Labelled rows to judge on, kept for this.")
    var test: String?

    @Option(help: "Rows a class to draw. (default: all)")
    var shots: Int?

    @Option(help: "Seeds of the draws, with commas between. (default: 1,2,3)")
    var seeds: SeedList?

    @Option(help: "A file of fixed support draws, {shots: {seed: [rows]}}, instead of drawing.")
    var draws: String?

    @Option(help: "The same for the validation rows.")
    var validationDraws: String?

    @Option(help: "Rivals: all, or names with commas between. (default: all)")
    var baselines: BaselineList?

    @Option(help: "Write a page for a browser here.")
    var report: String?

    @Option(help: "Threads to compute with. (default: one to each core)")
    var threads: Int?

    @OptionGroup var form: OutputForm

    func validate() throws {
        guard !sample else { return }
        for (name, value) in [("criteria", criteria), ("support", support), ("prompts", prompts), ("test", test)]
        where value == nil {
            throw ValidationError("--\(name) is missing.")
        }
        for (name, value) in [("shots", shots), ("threads", threads)] {
            if let value, value < 1 { throw ValidationError("--\(name) must be at least 1.") }
        }
    }

    func run() throws {
        guard !sample else { return try Output.print(try Self.sampleCriteria()) }
        guard let criteria, let support, let prompts, let test else { return }
        if let report { try AtomicFile.checkTarget(report) }
        let limits = try PilotCriteria(path: criteria)
        let pool = try Self.rows(support)
        let judges = try validation.map(Self.rows)
        let judged = try Self.rows(test)
        let tasks = try (seeds ?? .usual).values.map { seed in
            FewShotProtocol.Task(
                support: try pool.selecting(
                    FewShotDraw.chosen(from: pool, shots: shots, seed: seed, file: draws).rows),
                validation: try judges.map { rows in
                    try rows.selecting(
                        FewShotDraw.chosen(
                            from: rows, shots: shots.map { min($0, 4) }, fileShots: shots, seed: seed,
                            file: validationDraws
                        ).rows)
                }, test: judged, shots: shots, seed: seed)
        }
        var options = TrainingOptions.standard
        options.threads = threads
        let bar = ProgressBar("pilot")
        defer { bar.finish() }
        let (measured, runs) = try PilotRun(
            prompts: try Self.rows(prompts), options: options, toolVersion: Sono.version
        ).measure(tasks, baselines: baselines?.chosen ?? Baseline.allCases, test: EmbeddingSet.read(path: test)) {
            bar.show($0, of: $1, $2)
        }
        bar.finish()
        let result = PilotReport(
            verdict: PilotVerdict(limits, measured), measured: measured, summary: ProtocolSummary([runs]),
            machine: .current, criteria: limits)
        if form.json {
            try Output.print(json: Document("sono-pilot/1", result))
        } else {
            try Output.print(PilotText(report: result).text)
        }
        if let report { try PilotPage(result, title: support).write(to: report) }
        if result.verdict.decision == .doNotAdopt { throw ExitCode(1) }
    }

    private static func sampleCriteria() throws -> String {
        let path = try Resource.path("pilot-criteria.yaml")
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.unreadable, "\(path) cannot be read: check its permissions.")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    private static func rows(_ path: String) throws -> TrainingRows {
        let set = try EmbeddingSet.read(path: path)
        Messages.warn(set.warnings, of: path)
        return try TrainingRows(set, name: path)
    }
}
