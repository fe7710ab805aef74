import EmbeddingSets
import Failures
import Foundation
import Pipelines
import Refinement
import TensorFiles
import TestSupport
import Testing

@Suite("work on a file in a process of its own")
struct IsolationTests {
    private let isolation = Isolation(program: Product.executable.path)

    private func output(ids: ItemIDs, rows: Int = 3) -> BatchComputation.Output {
        var columns = ResultColumns(topK: 2)
        for row in 0..<rows {
            let isOK = row != 1
            columns.statuses.append(isOK ? .ok : .diverged)
            columns.topClasses += isOK ? [1, 0] : [-1, -1]
            columns.topScores += isOK ? [0.75, 0.25] : [0, 0]
            columns.margins.append(isOK ? 0.5 : 0)
        }
        return BatchComputation.Output(
            columns: columns, ids: ids, sha256: "ab", decodeSeconds: 0.5, refineSeconds: 0.25)
    }

    private func bytes(_ outcome: IsolatedAnswer.Outcome) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try IsolatedAnswer(outcome: outcome).write { bytes.append(contentsOf: $0) }
        return bytes
    }

    @Test(
        "an answer comes back as it was given",
        arguments: [ItemIDs.ordinal(count: 3), .integers([3, -1, .max]), .utf8(["a", "", "ü"])])
    func roundTrip(ids: ItemIDs) throws {
        let output = output(ids: ids)
        let answer = try #require(IsolatedAnswer(try bytes(.computed(output, featuresPath: "f")), classes: 2))
        guard case .computed(let read, let path) = answer.outcome else {
            Issue.record("not an answer to a computation")
            return
        }
        #expect(read.columns == output.columns && read.ids == ids && path == "f")
        #expect(read.sha256 == "ab" && read.decodeSeconds == 0.5 && read.refineSeconds == 0.25)
    }

    @Test("an answer that is cut short, too long or refers to classes that are not there is none")
    func broken() throws {
        let whole = try bytes(.computed(output(ids: .utf8(["a", "b", "c"])), featuresPath: nil))
        for length in 0..<whole.count { #expect(IsolatedAnswer(Array(whole[..<length]), classes: 2) == nil) }
        #expect(IsolatedAnswer(whole + [0], classes: 2) == nil)
        #expect(IsolatedAnswer(whole, classes: 1) == nil)
        for index in whole.indices {
            var other = whole
            other[index] ^= 0xFF
            // Any answer will do, as long as nothing but values comes of it.
            guard case .computed(let read, _)? = IsolatedAnswer(other, classes: 2)?.outcome else { continue }
            #expect(read.columns.rows == read.ids.count && read.columns.topClasses.count == 2 * read.columns.rows)
        }
    }

    @Test("computes bit for bit what the service itself does, refined vectors included")
    func same() throws {
        let worlds = try (0..<2).map { _ in try World("output: { features: float32 }") }
        var vectors: [[Float]] = []
        for (world, isolation) in zip(worlds, [nil, isolation]) {
            let job = try world.admit(world.drop(World.set(5_000, seed: 1), as: "a.safetensors.zst"))
            guard case .done(let batch) = try world.run(job, in: isolation), batch.rowsOK == 5_000 else {
                Issue.record("not done")
                return
            }
            vectors.append(try EmbeddingSet.read(path: #require(world.record(job.id).featuresPath)).embeddings)
        }
        #expect(try worlds[0].results() == worlds[1].results())
        #expect(vectors[0] == vectors[1] && vectors[0].count == 5_000 * World.dimension)
    }

    @Test("what is wrong with a file comes back by its code")
    func failures() throws {
        let world = try World()
        let path = try world.root.write("no zstd, no npy, nothing", to: "bad.safetensors")
        let own = #expect(throws: Failure.self) { try EmbeddingSetFile.inspect(path: path, limits: FileLimits()) }
        #expect(throws: try #require(own)) { try isolation.inspect(task(path)) {} }
    }

    private func task(_ path: String, memory: Int = 1 << 30) -> IsolatedTask {
        IsolatedTask(path: path, name: "a", limits: FileLimits(), memory: memory, work: .inspect)
    }

    @Test("one without the memory that it needs, or whose answer is nonsense, has crashed")
    func crashes() throws {
        let world = try World()
        let path = world.incoming("a.safetensors")
        try world.drop(World.set(200_000, seed: 1), as: "a.safetensors")
        #expect(try isolation.inspect(task(path)) {}.header.rows == 200_000)
        #expect(throws: Failure(.crashed, "")) { try isolation.inspect(task(path, memory: 1 << 20)) {} }
        for program in ["/bin/false", "/bin/echo", "/usr/bin/yes"] {
            #expect(throws: Failure(.crashed, "")) { try Isolation(program: program).inspect(task(path)) {} }
        }
    }

    @Test("one that hangs is killed when whoever waits has waited long enough")
    func hangs() throws {
        let folder = try Scratch()
        let program = try folder.write("#!/bin/sh\necho $$ > \(folder("pid"))\nexec sleep 600\n", to: "hangs")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        var looks = 0
        #expect(throws: Failure(.deadline, "")) {
            try Isolation(program: program).inspect(task("/nowhere")) {
                looks += 1
                if looks > 3, FileManager.default.fileExists(atPath: folder("pid")) { throw Failure(.deadline, "now") }
            }
        }
        let text = try String(contentsOfFile: folder("pid"), encoding: .utf8)
        let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(process, 0) == -1 && errno == ESRCH)
    }
}
