import Accounting
import Failures
import Foundation
import Pipelines
import Spooling
import Testing

/// Each test makes the state that a kill between two steps leaves, and restarts.
@Suite("recovery after a kill")
struct RecoveryTests {
    private func finished(_ world: World, rows: Int = 50, fileLocation: SourceLocation = #_sourceLocation) throws {
        try world.restart()
        let jobs = try world.withReader { try $0.jobs() }
        #expect(jobs.map(\.state) == [.done], sourceLocation: fileLocation)
        #expect(try world.results().map(\.row) == Array(0..<rows), sourceLocation: fileLocation)
        #expect(try world.places == ["done": ["\(jobs[0].jobID)--a.safetensors"]], sourceLocation: fileLocation)
        #expect(try world.store.claims().isEmpty, sourceLocation: fileLocation)
        #expect(try world.store.unfiled().isEmpty, sourceLocation: fileLocation)
    }

    private func drop(_ world: World) throws -> FileName {
        try world.drop(World.set(50, seed: 1), as: "a.safetensors")
    }

    @Test("between the note and the rename: the note is forgotten, the file still in incoming/")
    func noted() throws {
        let world = try World()
        let name = try drop(world)
        try world.store.noteClaims([ClaimNote(token: "0123456789abcdef", pipeline: "p", name: name.bytes)])
        try world.restart()
        #expect(try world.places == ["incoming": ["a.safetensors"]])
        #expect(try world.store.claims().isEmpty)
    }

    @Test("between the rename and the job row: validated again under its noted name")
    func renamed() throws {
        let world = try World()
        _ = try world.claim(drop(world))
        try finished(world)
    }

    @Test("a file in work/ that nobody knows is not lost: it is validated under the name it has")
    func unknown() throws {
        let world = try World()
        _ = try drop(world)
        let token = "00000000000000aa"
        try FileManager.default.moveItem(
            atPath: world.incoming("a.safetensors"), toPath: world.root("spool/p/work/\(token)"))
        try world.restart()
        #expect(try world.results().count == 50)
        #expect(try world.places == ["done": ["1--\(token)"]])
    }

    @Test("between the job row and the attempt: computed")
    func admitted() throws {
        let world = try World()
        _ = try world.admit(drop(world))
        try finished(world)
    }

    @Test("while computing: tried again, the attempt counted")
    func running() throws {
        let world = try World()
        let job = try world.admit(drop(world))
        try world.store.begin(job.id, nil)
        let interrupted = try #require(world.recovery.recoverStore { _ in 3 }.first)
        // Its neighbours go first.
        #expect(interrupted.state == .retrying && interrupted.notBefore.map { $0 > Date() } == true)
        try finished(world)
        #expect(try world.record(job.id).attempts == 2)
    }

    @Test("a batch that takes the service down, and then each process of its own, is put aside as crashed")
    func crashed() throws {
        let world = try World("limits: { attempts: 3 }")
        let job = try world.admit(drop(world))
        try world.store.begin(job.id, nil)
        _ = try world.recovery.recoverStore { _ in 3 }
        for attempt in 2...3 {
            switch try world.run(world.store.job(job.id), in: Isolation(program: "/bin/false")) {
            case .retrying(let waiting, let failure) where attempt == 2:
                #expect(
                    waiting.attempts == 2 && failure.code == .crashed && waiting.notBefore.map { $0 > Date() } == true)
            case .failed(let failure) where attempt == 3: #expect(failure.code == .crashed)
            case let outcome: Issue.record("\(attempt): \(outcome)")
            }
        }
        let record = try world.record(job.id)
        #expect(record.state == .failed && record.errorCode == "crashed" && record.attempts == 3)
        #expect(try world.places == ["failed": ["\(job.id)--a.safetensors"]])
    }

    @Test(
        "the service's end costs a batch no attempt that it computes in a process of its own, but is not forgiven for ever"
    )
    func forgiven() throws {
        let world = try World("limits: { attempts: 3 }")
        let job = try world.admit(drop(world))
        try world.store.begin(job.id, nil)
        _ = try world.recovery.recoverStore { _ in 3 }
        var ends = 0
        while try world.store.job(job.id).state != .failed {
            try world.store.begin(job.id, nil)
            _ = try world.recovery.recoverStore { _ in 3 }
            ends += 1
            if ends == 1 {
                let waiting = try world.store.job(job.id)
                #expect(waiting.state == .queued && waiting.attempts == 1)
            }
            try #require(ends < 50)
        }
        #expect(ends > 10)
        #expect(try world.record(job.id).errorCode == "crashed")
    }

    @Test("between the refined vectors and the commit: vectors of no done job are removed")
    func orphanedFeatures() throws {
        let world = try World("output: { features: float16 }")
        let job = try world.admit(drop(world))
        let directory = world.root("state/features/p")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let orphan = "\(directory)/\(job.id).safetensors.zst"
        try Data("x".utf8).write(to: URL(fileURLWithPath: orphan))
        _ = try world.recovery.recoverStore { _ in 3 }
        #expect(!FileManager.default.fileExists(atPath: orphan))
        try finished(world)
        #expect(FileManager.default.fileExists(atPath: orphan))
        _ = try world.recovery.recoverStore { _ in 3 }
        #expect(FileManager.default.fileExists(atPath: orphan))
    }

    @Test("vectors stay where the store cannot be asked about their job, or does not know it")
    func foreignFeatures() throws {
        let world = try World("output: { features: float16 }")
        let job = try world.admit(drop(world))
        _ = try world.run(job)
        let directory = world.root("state/features/p")
        let other = "\(directory)/\(job.id + 1).safetensors.zst"
        try Data("x".utf8).write(to: URL(fileURLWithPath: other))
        _ = try world.recovery.recoverStore { _ in 3 }
        #expect(try world.root.names("state/features/p").count == 2)
    }

    @Test("between the commit and the filing: only the file moves")
    func committed() throws {
        let world = try World()
        let job = try world.admit(drop(world))
        let token = try #require(ClaimToken(job.token))
        _ = try world.run(job)
        // Back to where it was before step 7, as far as the file system goes; the store forgets that it was filed.
        try FileManager.default.moveItem(
            atPath: world.root("spool/p/done/\(job.id)--a.safetensors"), toPath: world.root("spool/p/work/\(token)"))
        try world.forgetFiling(job.id)
        try finished(world)
    }

    @Test("between the filing and its note: noted, nothing moves")
    func filed() throws {
        let world = try World()
        let job = try world.admit(drop(world))
        _ = try world.run(job)
        try world.forgetFiling(job.id)
        try finished(world)
    }

    @Test("settled jobs of a pipeline that is gone are filed too")
    func pipelineGone() throws {
        let world = try World()
        let job = try world.admit(drop(world))
        try world.store.cancel(job.id)
        #expect(try world.places.keys.sorted() == ["work"])
        #expect(Recovery(store: world.store, paths: world.paths).fileSettled().isEmpty)
        #expect(try world.places.keys.sorted() == ["failed"])
    }
}
