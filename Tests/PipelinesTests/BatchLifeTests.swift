import Accounting
import EmbeddingSets
import Failures
import Foundation
import Glibc
import Pipelines
import Refinement
import Spooling
import TensorFiles
import TestSupport
import Testing

@Suite("the life of a batch")
struct BatchLifeTests {
    @Test("a good batch ends in done/, with every row visible once and in order")
    func good() throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(10_000, seed: 1), as: "a.safetensors.zst"))
        #expect(job.state == .queued && job.rows == 10_000)
        guard case .done(let batch) = try world.run(job) else {
            throw Failure(.internal, "not done")
        }
        #expect(try world.places == ["done": ["\(job.id)--a.safetensors.zst"]])
        let results = try world.results()
        #expect(results.map(\.row) == Array(0..<10_000))
        #expect(results.map(\.itemID) == (0..<10_000).map { "\(1_000 + $0)" })
        #expect(results.allSatisfy { $0.status == "ok" && $0.topK?.count == 3 && $0.label != nil })
        let record = try world.record(job.id)
        #expect(record.state == .done && record.attempts == 1 && record.rowsOK == 10_000)
        #expect(record.modelID == world.pipeline.model.id && record.steps == 2)
        #expect(record.commitSeconds == batch.commitSeconds && batch.commitSeconds > 0)
        // What is told at once is what the store says later.
        #expect((batch.rows, batch.rowsOK) == (10_000, 10_000))
        #expect(batch.evaluations == 10_000 * world.pipeline.refiner.evaluations)
        #expect(batch.queueSeconds == record.queueSeconds && batch.decodeSeconds == record.decodeSeconds)
        #expect(batch.refineSeconds == record.refineSeconds && batch.seconds > batch.commitSeconds)
        #expect(abs(batch.topScores - results.reduce(0) { $0 + ($1.topK?.first?.score ?? 0) }) < 0.01)
    }

    @Test("a row that is not finite fails alone")
    func oneBadRow() throws {
        let world = try World()
        var set = World.set(100, seed: 1)
        set.embeddings[50 * World.dimension + 3] = .infinity
        for index in 0..<World.dimension { set.embeddings[70 * World.dimension + index] = 0 }
        let job = try world.admit(world.drop(set, as: "a.safetensors"))
        _ = try world.run(job)
        let statuses = try world.results().map(\.status)
        #expect(statuses[50] == "non_finite" && statuses[70] == "zero_norm")
        #expect(statuses.count { $0 == "ok" } == 98)
        #expect(try world.record(job.id).rowsFailed == 2)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: FailureCode
        let make: @Sendable (String) throws -> Void

        init(_ what: String, _ code: FailureCode, _ make: @escaping @Sendable (String) throws -> Void) {
            testDescription = what
            self.code = code
            self.make = make
        }
    }

    @Test(
        "a bad file becomes a failed job with its code, and lies in failed/ with the reason beside it",
        arguments: [
            Bad("another dimension", .dimensionMismatch) { try World.set(5, seed: 1, dimension: 8).write(to: $0) },
            Bad("another encoder", .encoderMismatch) {
                var set = World.set(5, seed: 1)
                set.encoder = "another"
                try set.write(to: $0)
            },
            Bad("too many rows", .tooLarge) { try World.set(501, seed: 1).write(to: $0) },
            Bad("text", .unsupportedFormat) { try Data("no embeddings here".utf8).write(to: URL(fileURLWithPath: $0)) },
            Bad("a directory", .unsupportedFormat) {
                try FileManager.default.createDirectory(atPath: $0, withIntermediateDirectories: false)
            },
            Bad("a FIFO", .unsupportedFormat) { _ = mkfifo($0, 0o600) },
            Bad("a symlink", .unsupportedFormat) { _ = symlink("/etc/passwd", $0) },
        ])
    func bad(bad: Bad) throws {
        let world = try World("limits: { rows: 500 }")
        try bad.make(world.incoming("bad.safetensors"))
        let job = try world.admit(#require(FileName("bad.safetensors")))
        #expect(job.state == .failed && job.errorCode == bad.code.rawValue, "\(job.errorMessage ?? "")")
        #expect(try world.places == ["failed": ["\(job.id)--bad.safetensors"]])
        let reason = try Data(
            contentsOf: URL(fileURLWithPath: world.root("spool/p/failed/\(job.id)--bad.safetensors.reason.json")))
        #expect(try JSONDecoder().decode(Reason.self, from: reason).code == bad.code.rawValue)
    }

    @Test("a file that is cut short records nothing and stays where it is, until it is whole")
    func incomplete() throws {
        let world = try World()
        let name = try world.drop(World.set(1_000, seed: 1), as: "a.safetensors")
        let whole = try Data(contentsOf: URL(fileURLWithPath: world.incoming("a.safetensors")))
        try whole.prefix(20_000).write(to: URL(fileURLWithPath: world.incoming("a.safetensors")))
        let claim = try world.claim(name)
        let failure = try #require(throws: Failure.self) { try world.life.admit(claim.token, name: name) }
        #expect(failure.code == .incomplete)
        #expect(try world.store.claims().count == 1)
        let path = world.root("spool/p/work/\(claim.token)")
        let writer = try #require(FileHandle(forWritingAtPath: path))
        try writer.seekToEnd()
        try writer.write(contentsOf: whole.dropFirst(20_000))
        try writer.close()
        let job = try world.life.admit(claim.token, name: name)
        _ = try world.run(job)
        #expect(try world.results().count == 1_000)
    }

    @Test(
        "a file that is allocated at its full size and filled bit by bit records nothing until it is whole",
        arguments: [("a.safetensors", 0), ("a.safetensors", 20), ("a.zst", 0), ("a.zst", 2_000)])
    func preallocated(name: String, written: Int) throws {
        let world = try World()
        let name = try world.drop(World.set(1_000, seed: 1), as: name)
        let whole = try Data(contentsOf: URL(fileURLWithPath: world.incoming(name.displayText)))
        let part = whole.prefix(written) + Data(count: whole.count - written)
        try part.write(to: URL(fileURLWithPath: world.incoming(name.displayText)))
        let claim = try world.claim(name)
        let failure = try #require(throws: Failure.self) { try world.life.admit(claim.token, name: name) }
        #expect(failure.code.mayBeUnfinished, "\(failure)")
        #expect(try world.store.unsettled().isEmpty)
        let writer = try #require(FileHandle(forWritingAtPath: world.root("spool/p/work/\(claim.token)")))
        try writer.write(contentsOf: whole)
        try writer.close()
        _ = try world.run(world.life.admit(claim.token, name: name))
        #expect(try world.results().count == 1_000)
    }

    @Test("a first pass shows that it makes progress, and can be ended: nothing is recorded, the file waits in work/")
    func firstPassEnded() throws {
        struct Stopped: Error {}
        let world = try World()
        let claim = try world.claim(world.drop(World.set(50_000, seed: 1), as: "a.safetensors"))
        var calls = 0
        #expect(throws: Stopped.self) {
            try world.life.admit(claim.token, name: claim.name) {
                calls += 1
                if calls == 5 { throw Stopped() }
            }
        }
        #expect(try world.store.unsettled().isEmpty)
        #expect(try world.places.keys.sorted() == ["work"])
        calls = 0
        let job = try world.life.admit(claim.token, name: claim.name) { calls += 1 }
        #expect(job.state == .queued && calls > 10)
    }

    @Test("a batch of which no row can be used fails as a whole")
    func allNonFinite() throws {
        let world = try World()
        var set = World.set(10, seed: 1)
        set.embeddings = set.embeddings.map { _ in .nan }
        let job = try world.admit(world.drop(set, as: "nan.safetensors"))
        guard case .failed(let failure) = try world.run(job) else { throw Failure(.internal, "not failed") }
        #expect(failure.code == .nonFiniteRows)
        #expect(try world.results().isEmpty)
        #expect(try world.places.keys.sorted() == ["failed"])
    }

    @Test("the same bytes are a duplicate; after a failure they are a new attempt")
    func duplicates() throws {
        let world = try World()
        let first = try world.admit(world.drop(World.set(5, seed: 1), as: "a.safetensors"))
        let second = try world.admit(world.drop(World.set(5, seed: 1), as: "b.safetensors"))
        #expect(second.state == .duplicate)
        #expect(try world.record(second.id).duplicateOf == first.id)
        #expect(try world.names("done") == ["\(second.id)--b.safetensors"])
        try world.store.cancel(first.id)
        let third = try world.admit(world.drop(World.set(5, seed: 1), as: "c.safetensors"))
        #expect(third.state == .queued)
    }

    @Test(
        "asked to end early, a batch goes where it should and its attempt is given back",
        arguments: [(BatchControl.Request.stop, JobState.queued), (.hold, .held), (.cancel, .cancelled)])
    func endedEarly(request: BatchControl.Request, state: JobState) throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(9_000, seed: 1), as: "a.safetensors"))
        let control = BatchControl(limit: .seconds(60))
        control.ask(request)
        control.ask(.stop)
        guard case .returned(request) = try world.run(job, control: control) else {
            throw Failure(.internal, "not returned")
        }
        let record = try world.record(job.id)
        #expect(record.state == state && record.attempts == 0)
        #expect(try world.results().isEmpty)
        #expect(try world.places.keys.sorted() == [state == .cancelled ? "failed" : "work"])
        if state == .queued {
            _ = try world.run(world.store.job(job.id))
            #expect(try world.results().count == 9_000)
        }
    }

    @Test(
        "a job that was queued for another model fails with the reason, instead of being computed at the wrong stride",
        arguments: [(8, "test-encoder", FailureCode.dimensionMismatch), (16, "another", .encoderMismatch)])
    func otherModel(dimension: Int, encoder: String, code: FailureCode) throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(100, seed: 1), as: "a.safetensors"))
        try ModelFile.save(
            World.model(dimension: dimension, encoder: encoder), to: "\(world.paths.models)/m.safetensors")
        world.pipeline = try Pipeline(name: "p", configuration: world.pipeline.configuration, paths: world.paths)
        guard case .failed(let failure) = try world.run(job) else { throw Failure(.internal, "not failed") }
        #expect(failure.code == code)
        #expect(try world.record(job.id).errorCode == code.rawValue)
        #expect(try world.results().isEmpty)
        #expect(try world.places.keys.sorted() == ["failed"])
    }

    @Test("bytes that change after the first pass are never committed: the file is validated again and then computed")
    func changedBytes() throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(100, seed: 1), as: "a.safetensors"))
        try World.set(120, seed: 2).write(to: world.root("other.safetensors"))
        let other = try Data(contentsOf: URL(fileURLWithPath: world.root("other.safetensors")))
        let writer = try #require(FileHandle(forWritingAtPath: world.root("spool/p/work/\(job.token)")))
        try writer.truncate(atOffset: 0)
        try writer.write(contentsOf: other)
        try writer.close()
        guard case .changed(let waiting) = try world.run(job) else { throw Failure(.internal, "not changed") }
        #expect(waiting.state == .queued && waiting.attempts == 0)
        #expect(try world.results().isEmpty)
        let readmitted = try world.life.readmit(waiting)
        #expect(readmitted.rows == 120 && readmitted.sha256 != job.sha256)
        _ = try world.run(readmitted)
        #expect(try world.results().map(\.itemID).first == "2000")
        #expect(try world.results().count == 120)
    }

    @Test(
        "a job that waits, held ones included, fails in one step when its file turns out to be no batch, costing no attempt",
        arguments: [false, true])
    func givenUp(isHeld: Bool) throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        if isHeld { try world.store.hold(job.id) }
        try Data("no embeddings".utf8).write(to: URL(fileURLWithPath: world.root("spool/p/work/\(job.token)")))
        #expect(try world.life.readmit(world.store.job(job.id)).state == .failed)
        let record = try world.record(job.id)
        #expect(record.errorCode == "unsupported_format" && record.attempts == 0)
        #expect(try world.places.keys.sorted() == ["failed"])
    }

    @Test("refined vectors are kept where asked for: unit vectors, row by row")
    func features() throws {
        let world = try World("output: { features: float32 }")
        let job = try world.admit(world.drop(World.set(5_000, seed: 1), as: "a.safetensors"))
        _ = try world.run(job)
        let path = try #require(try world.record(job.id).featuresPath)
        #expect(path == world.root("state/features/p/\(job.id).safetensors.zst"))
        let set = try EmbeddingSet.read(path: path)
        #expect(set.rows == 5_000 && set.dimension == World.dimension)
        let norm = set.embeddings.prefix(World.dimension).reduce(0) { $0 + $1 * $1 }
        #expect(abs(norm - 1) < 1e-5)
    }
}
