import ArgumentParser
import Crypto
import EmbeddingSets
import Evaluation
import Failures
import Foundation
import Refinement
import TensorFiles
import Training

/// The options of `evaluate --protocol few-shot`, and its run.
struct ProtocolOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument {
        case fewShot = "few-shot"
    }

    @Option(name: .customLong("protocol"), help: "few-shot: train and judge on many draws, see above.")
    var name: Name?

    @Option(help: "Rows a class, with commas between; pool for all rows. (default: 1,2,4,8,16,pool)")
    var shots: ShotsList?

    @Option(help: "Seeds of the draws, with commas between. (default: 1,2,3)")
    var seeds: SeedList?

    @Option(help: "A file of fixed support draws, {shots: {seed: [rows]}}, instead of drawing.")
    var draws: String?

    @Option(help: "The same for the validation rows, min(shots, 4) a class where drawn.")
    var validationDraws: String?

    @Option(help: "Draw this many new splits of all rows in the seeds' place.")
    var resplits: Int?

    @Option(help: "Corrupt the rows first: gaussian:S, quantise:BITS, drop:P or label-noise:P.")
    var corrupt: String?

    @Option(help: "How hard the model is searched: fast, standard or thorough.")
    var budget = Budget.standard

    @Option(help: "The file of finished runs; started again, it is continued.")
    var output: String?

    @Option(help: "Write a page for a browser here.")
    var report: String?

    @Option(parsing: .upToNextOption, help: "Only pool finished files of several sets.")
    var pooled: [String] = []

    func validate() throws {
        if name == nil {
            let asked = shots != nil || seeds != nil || draws != nil || resplits != nil || corrupt != nil
            if asked || output != nil || validationDraws != nil {
                throw ValidationError(
                    "--shots, --seeds, --draws, --resplits, --corrupt and --output need --protocol.")
            }
        } else if output == nil, pooled.isEmpty {
            throw ValidationError("--protocol needs --output, the file of finished runs.")
        }
        if let resplits, resplits < 1 { throw ValidationError("--resplits must be at least 1.") }
        if resplits != nil, draws != nil || validationDraws != nil || seeds != nil {
            throw ValidationError("--resplits takes the place of seeds and draws files.")
        }
        if let corrupt, Corruption(corrupt) == nil {
            throw ValidationError("--corrupt takes gaussian:S, quantise:BITS, drop:P or label-noise:P.")
        }
    }

    /// - Parameter baselines: whom to compare with.
    func run(
        support: String, prompts: String, validation: String?, test: String, baselines: [Baseline], threads: Int?,
        form: OutputForm
    ) throws {
        if let report { try AtomicFile.checkTarget(report) }
        let sets = [("support", support), ("prompts", prompts), ("validation", validation), ("test", test)]
        let rows = try sets.compactMap { name, path in try path.map { (name, try Self.rows($0)) } }
        let byName = Dictionary(rows, uniquingKeysWith: { first, _ in first })
        guard let pool = byName["support"], let own = byName["prompts"], let judged = byName["test"], let output else {
            throw Failure(.internal, "a set that was asked for is missing: report this.")
        }
        var options = TrainingOptions(budget: budget)
        options.threads = threads
        let header = ProtocolHeader(
            tool: Sono.version, sets: byName.mapValues { $0.sha256 ?? "" },
            draws: try [("support", draws), ("validation", validationDraws)].reduce(into: [:]) { all, one in
                all[one.0] = try one.1.map { try Self.digest($0) }
            }, testRows: judged.labels.count { $0 >= 0 }, classes: own.classes.count, resplits: resplits != nil,
            corruption: corrupt, recipe: budget.rawValue)
        var file = try ProtocolFile(continuing: output, header: header)
        let few = FewShotProtocol(prompts: own, options: options, toolVersion: Sono.version)
        let cells = (shots ?? .usual).values.flatMap { shots in
            (resplits.map { (1...UInt64($0)).map(\.self) } ?? (seeds ?? .usual).values).map { (shots, $0) }
        }
        let methods = [FewShotProtocol.model] + baselines.map(\.rawValue)
        let bar = ProgressBar("protocol")
        defer { bar.finish() }
        var done = 0
        for (shots, seed) in cells {
            let missing = methods.filter { !file.has(method: $0, shots: shots, seed: seed) }
            done += methods.count - missing.count
            guard !missing.isEmpty else { continue }
            let task = try task(pool, byName["validation"], judged, shots: shots, seed: seed)
            for method in missing {
                bar.show(
                    done, of: cells.count * methods.count,
                    "\(method), \(shots.map(String.init) ?? "pool") shots, seed \(seed)")
                try file.append(few.run(method, task))
                done += 1
            }
        }
        bar.finish()
        try print([file], form)
    }

    /// Prints finished files together.
    func pool(_ form: OutputForm) throws {
        if let report { try AtomicFile.checkTarget(report) }
        try print(pooled.map { try ProtocolFile(reading: $0) }, form)
    }

    private func print(_ files: [ProtocolFile], _ form: OutputForm) throws {
        let summary = ProtocolSummary(files.map(\.runs))
        if form.json {
            try Output.print(json: Document("sono-protocol/1", summary))
        } else {
            try Output.print(ProtocolText(summary: summary, files: files).text)
        }
        guard let report else { return }
        let rows = files.map { Figures.grouped($0.header.testRows) }.joined(separator: ", ")
        try ProtocolPage(
            summary, title: "Few-shot protocol",
            note: "\(files.count) sets, test rows \(rows), \(files.reduce(0) { $0 + $1.runs.count }) runs, recipe "
                + Set(files.map(\.header.recipe)).sorted().joined(separator: ", ") + "."
        ).write(to: report)
    }

    private func task(
        _ pool: TrainingRows, _ validation: TrainingRows?, _ test: TrainingRows, shots: Int?, seed: UInt64
    ) throws -> FewShotProtocol.Task {
        var (pool, validation, test) = (pool, validation, test)
        if resplits != nil {
            (pool, validation, test) = try FewShotProtocol.resplit(
                pool: pool, validation: validation, test: test, seed: seed)
        }
        var support = try pool.selecting(
            FewShotDraw.chosen(from: pool, shots: shots, seed: seed, file: draws).rows)
        var judges = try validation.map { rows in
            try rows.selecting(
                FewShotDraw.chosen(
                    from: rows, shots: shots.map { min($0, 4) }, fileShots: shots, seed: seed, file: validationDraws
                )
                .rows)
        }
        if let corruption = corrupt.flatMap(Corruption.init) {
            support = corruption.labels(corruption.features(support, seed: 3 * seed), seed: seed)
            judges = judges.map { corruption.features($0, seed: 3 * seed + 1) }
            test = corruption.features(test, seed: 3 * seed + 2)
        }
        return FewShotProtocol.Task(support: support, validation: judges, test: test, shots: shots, seed: seed)
    }

    private static func digest(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.notFound, "there is no draws file at \(path): check the path.")
        }
        return SHA256.hash(data: data).hex
    }

    private static func rows(_ path: String) throws -> TrainingRows {
        let set = try EmbeddingSet.read(path: path)
        Messages.warn(set.warnings, of: path)
        return try TrainingRows(set, name: path)
    }
}

/// Shots as an option names them; nil is the whole pool.
struct ShotsList: ExpressibleByArgument {
    let values: [Int?]

    static let usual = ShotsList(values: [1, 2, 4, 8, 16, nil])

    init(values: [Int?]) { self.values = values }

    init?(argument: String) {
        var values: [Int?] = []
        for word in argument.split(separator: ",") {
            if word == "pool" {
                values.append(nil)
            } else if let shots = Int(word), shots > 0 {
                values.append(shots)
            } else {
                return nil
            }
        }
        guard !values.isEmpty else { return nil }
        self.values = values
    }
}

/// Seeds as an option names them.
struct SeedList: ExpressibleByArgument {
    let values: [UInt64]

    static let usual = SeedList(values: [1, 2, 3])

    init(values: [UInt64]) { self.values = values }

    init?(argument: String) {
        let words = argument.split(separator: ",")
        values = words.compactMap { UInt64($0) }
        guard !values.isEmpty, values.count == words.count else { return nil }
    }
}
