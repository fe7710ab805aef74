import EmbeddingSets
import Evaluation
import Failures
import Foundation
import TestSupport
import Testing
import Training

/// What SciPy and NumPy say; `Fixtures/paired.py` made it.
private struct PairedFixture: Decodable {
    struct Case: Decodable {
        let first: Int
        let second: Int
        let p: Double
    }

    let mcnemar: [Case]
    let p: [Double]
    let holm: [Double]
    let rightFirst: [[[Int]]]
    let rightSecond: [[[Int]]]
    let difference: Double
    let low: Double
    let high: Double

    static func load() throws -> PairedFixture {
        let url = try #require(
            Bundle.module.url(forResource: "paired", withExtension: "json", subdirectory: "Fixtures"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(PairedFixture.self, from: Data(contentsOf: url))
    }
}

@Suite("the few-shot protocol")
struct ProtocolTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static func rows(_ name: String) throws -> TrainingRows {
        try TrainingRows(BaselineFixture.debianSections(name), name: name)
    }

    private static func task(shots: Int, seed: UInt64) throws -> FewShotProtocol.Task {
        let (pool, test) = try (rows("support"), rows("test"))
        return FewShotProtocol.Task(
            support: try pool.selecting(FewShotDraw(shots: shots, seed: seed, from: pool).rows),
            validation: try rows("validation"), test: try test.selecting(Array(0..<400)), shots: shots, seed: seed)
    }

    private static func header(_ tool: String = "sono 0") -> ProtocolHeader {
        ProtocolHeader(
            tool: tool, sets: ["support": "aa"], draws: [:], testRows: 400, classes: 38, resplits: false,
            corruption: nil, recipe: "standard")
    }

    @Test("McNemar's test and Holm's correction are SciPy's, the bootstrap's interval is NumPy's up to luck")
    func statistics() throws {
        let fixture = try PairedFixture.load()
        for one in fixture.mcnemar {
            #expect(abs(McNemar.pValue(onlyFirst: one.first, onlySecond: one.second) - one.p) < 1e-9)
        }
        for (own, expected) in zip(Holm.adjusted(fixture.p), fixture.holm) { #expect(abs(own - expected) < 1e-12) }
        func bits(_ values: [[[Int]]]) -> [[[Bool]]] { values.map { $0.map { $0.map { $0 == 1 } } } }
        let cells = PairedBootstrap.Cells(first: bits(fixture.rightFirst), second: bits(fixture.rightSecond))
        let own = PairedBootstrap([cells])
        let width = fixture.high - fixture.low
        #expect(abs(own.difference - fixture.difference) < 1e-12)
        #expect(abs(own.low - fixture.low) < 0.12 * width && abs(own.high - fixture.high) < 0.12 * width)
        // The same classifier twice differs by nothing at all.
        let same = PairedBootstrap.Cells(first: bits(fixture.rightFirst), second: bits(fixture.rightFirst))
        #expect(PairedBootstrap([same]).low == 0 && PairedBootstrap([same]).high == 0)
    }

    @Test("a file of runs survives an interruption: half a line is dropped, other sets or tools are refused")
    func resumes() throws {
        let path = scratch("runs.jsonl")
        let few = FewShotProtocol(prompts: try Self.rows("prompts"), options: .standard, toolVersion: "sono 0")
        let task = try Self.task(shots: 2, seed: 1)
        var file = try ProtocolFile(continuing: path, header: Self.header())
        try file.append(few.run("zero-shot", task))
        try file.append(few.run("model", task))
        let whole = try Data(contentsOf: URL(filePath: path))
        try (whole + Data(#"{"method":"gda","acc"#.utf8)).write(to: URL(filePath: path))

        var again = try ProtocolFile(continuing: path, header: Self.header())
        #expect(again.runs.map(\.method) == ["zero-shot", "model"])
        #expect(again.has(method: "model", shots: 2, seed: 1) && !again.has(method: "model", shots: nil, seed: 1))
        try again.append(few.run("gda", task))
        let read = try ProtocolFile(reading: path)
        #expect(read.runs.map(\.method) == ["zero-shot", "model", "gda"])
        for run in read.runs {
            #expect(run.answers.count == 400)
            #expect(abs(Double(run.answers.count { $0 }) / 400 - run.accuracy) < 1e-12)
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            try ProtocolFile(continuing: path, header: Self.header("sono 1"))
        }
        try Data("{}\n".utf8).write(to: URL(filePath: path))
        #expect(throws: Failure(.invalidArgument, "")) { try ProtocolFile(reading: path) }
        #expect(throws: Failure(.notFound, "")) { try ProtocolFile(reading: scratch("absent")) }
    }

    @Test("the summary's means and differences are those of its runs, by shots and over sets")
    func summary() throws {
        let few = FewShotProtocol(
            prompts: try Self.rows("prompts"), options: TrainingOptions(budget: .fast), toolVersion: "sono 0")
        var runs: [ProtocolRun] = []
        for seed in [UInt64(1), 2] {
            for method in ["model", "zero-shot", "gda-text"] {
                runs.append(try few.run(method, Self.task(shots: 4, seed: seed)))
            }
        }
        runs.append(try few.run("model", Self.task(shots: 1, seed: 1)))
        let summary = ProtocolSummary([runs, runs], resamples: 200)
        #expect(summary.shots == ["1", "4"] && summary.sets == 2)
        let own = runs.filter { $0.method == "model" && $0.shots == 4 }
        let rival = runs.filter { $0.method == "zero-shot" }
        let mean = own.reduce(0) { $0 + $1.accuracy } / 2
        #expect(abs(try #require(summary.methods["model"]?["4"]).accuracy - mean) < 1e-12)
        let found = try #require(summary.rivals["zero-shot"])
        #expect(abs(found.difference - (mean - rival.reduce(0) { $0 + $1.accuracy } / 2)) < 1e-12)
        #expect(found.byShots["1"] == nil && found.low < found.difference && found.difference < found.high)
        #expect(found.runs == 4)
    }

    @Test("a new split has every labelled row once, in parts of the old sizes")
    func resplit() throws {
        let (pool, validation, test) = try (Self.rows("support"), Self.rows("validation"), Self.rows("test"))
        let split = try FewShotProtocol.resplit(pool: pool, validation: validation, test: test, seed: 3)
        func first(_ rows: TrainingRows) -> [Float] { (0..<rows.rows).map { rows.embeddings[$0 * rows.dimension] } }
        let judged = try #require(split.validation)
        let before = (first(pool) + first(validation) + first(test)).sorted()
        #expect((first(split.pool) + first(judged) + first(split.test)).sorted() == before)
        #expect(abs(split.test.rows - test.rows) <= 38 && abs(judged.rows - validation.rows) <= 38)
        #expect(first(split.test) != first(test))
    }

    @Test("corruption does what it says, the same each time")
    func corruption() throws {
        let rows = try Self.rows("validation")
        let noisy = try #require(Corruption("gaussian:0.5")).features(rows, seed: 1)
        #expect(noisy.embeddings == (try #require(Corruption("gaussian:0.5"))).features(rows, seed: 1).embeddings)
        let distance = zip(noisy.embeddings, rows.embeddings).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        #expect(abs((distance / Double(rows.rows)).squareRoot() - 0.5) < 0.02)
        let coarse = try #require(Corruption("quantise:2")).features(rows, seed: 1)
        #expect(Set(coarse.embeddings).count <= 4)
        let dropped = try #require(Corruption("drop:0.5")).features(rows, seed: 1)
        let share = Double(dropped.embeddings.count { $0 == 0 }) / Double(dropped.embeddings.count)
        #expect(abs(share - 0.5) < 0.1)
        let mislabelled = try #require(Corruption("label-noise:0.3")).labels(rows, seed: 1)
        let changed = Double(zip(mislabelled.labels, rows.labels).count { $0 != $1 }) / Double(rows.rows)
        #expect(abs(changed - 0.3) < 0.1)
        for wrong in ["gaussian", "gaussian:x", "quantise:0", "drop:1", "label-noise:-1", "blur:1"] {
            #expect(Corruption(wrong) == nil, "\(wrong)")
        }
    }
}
