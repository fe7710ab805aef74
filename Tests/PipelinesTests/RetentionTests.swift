import Accounting
import Failures
import Foundation
import Pipelines
import Refinement
import Spooling
import Testing

@Suite("retention")
struct RetentionTests {
    private func collect(_ world: World, days: Double = 0) throws -> RetentionReport.Pipeline {
        let retention = Retention(
            ["p": .success(world.pipeline.configuration.retention)], now: Date(timeIntervalSinceNow: days * 86_400 + 1))
        let counted = try world.withReader { try retention.count(reader: $0) }.pipelines[0].removed
        let found = try retention.collect(store: world.store, paths: world.paths).pipelines[0]
        if found.troubles.isEmpty {
            var removed = found.removed
            (removed.fileBytes, removed.features) = (counted.fileBytes, counted.features)
            #expect(removed == counted, "what is counted beforehand is what goes")
        }
        return found
    }

    /// A done job, a duplicate of it, one that failed and one that waits.
    private func fill(_ world: World) throws {
        for name in ["a.safetensors", "b.safetensors"] {
            let job = try world.admit(world.drop(World.set(100, seed: 1), as: name))
            if job.state == .queued { _ = try world.run(job) }
        }
        try World.refused.write(to: URL(fileURLWithPath: world.incoming("c.npz")))
        _ = try world.admit(#require(FileName("c.npz")))
        _ = try world.admit(world.drop(World.set(5, seed: 2), as: "d.safetensors"))
    }

    @Test("without a word about it, inputs go after seven days and everything else stays")
    func standard() throws {
        let world = try World()
        try fill(world)
        #expect(try collect(world, days: 6.9).removed.isEmpty)
        let removed = try collect(world, days: 7).removed
        #expect(removed.inputs == 2 && removed.fileBytes > 100 * 64 && removed.jobs == 0 && removed.failed == 0)
        #expect(try world.places.keys.sorted() == ["failed", "work"])
        #expect(try world.results().count == 100)
        #expect(try world.record(1).inputRemovedAt != nil)
        #expect(try collect(world, days: 7).removed.isEmpty)
    }

    @Test("each thing goes when its time has come, a failed input with its reason, and what is unsettled never")
    func everything() throws {
        let world = try World(
            "output: { features: float16 }\nretention: { failed: 1d, results: 2d, jobs: 3d, features: 36h }")
        try fill(world)
        let feature = world.root("state/features/p/1.safetensors.zst")
        #expect(FileManager.default.fileExists(atPath: feature))
        #expect(try collect(world, days: 1).removed.failed == 1)
        #expect(try world.names("failed") == [])
        #expect(try collect(world, days: 1.5).removed.features == 1)
        #expect(!FileManager.default.fileExists(atPath: feature))
        #expect(try world.record(1).featuresPath == nil)
        #expect(try collect(world, days: 2).removed.results == 100)
        #expect(try world.results().isEmpty && world.record(1).state == .done)
        let last = try collect(world, days: 3).removed
        #expect(last.inputs == 2 && last.jobs == 3)
        #expect(try world.withReader { try $0.jobs().map(\.state) } == [.queued])
        #expect(try world.places == ["work": world.names("work")])
        // The same bytes are known all the same, and what waited is done.
        #expect(try world.admit(world.drop(World.set(100, seed: 1), as: "e.safetensors")).state == .duplicate)
        try world.restart()
        #expect(try world.results().count == 5)
    }

    @Test("a removal that was cut short between the file and the store is gone on with")
    func interrupted() throws {
        let world = try World()
        try fill(world)
        for name in try world.names("done").prefix(1) {
            try FileManager.default.removeItem(atPath: world.root("spool/p/done/\(name)"))
        }
        #expect(try collect(world, days: 8).removed.inputs == 2)
        #expect(try world.names("done") == [])
    }

    @Test("files that belong to no job of this store stay, and so do those whose directory is not there")
    func foreign() throws {
        let world = try World("retention: { inputs: 1d, failed: 1d }")
        try fill(world)
        let stranger = world.root("spool/p/done/1--z.safetensors")
        try Data("another store's".utf8).write(to: URL(fileURLWithPath: stranger))
        let (done, aside) = (world.root("spool/p/done"), world.root("aside"))
        try FileManager.default.moveItem(atPath: done, toPath: aside)
        let found = try collect(world, days: 2)
        #expect(found.removed.isEmpty && !found.troubles.isEmpty)
        #expect(try world.record(1).inputRemovedAt == nil)
        try FileManager.default.moveItem(atPath: aside, toPath: done)
        #expect(try collect(world, days: 2).removed.inputs == 2)
        #expect(try world.names("done") == ["1--z.safetensors"])
    }

    @Test("a pipeline whose configuration is bad is left alone")
    func misconfigured() throws {
        let world = try World()
        try fill(world)
        let retention = Retention(
            ["p": .failure(Failure(.configurationInvalid, "bad"))], now: Date(timeIntervalSinceNow: 1e9))
        let report = try retention.collect(store: world.store, paths: world.paths)
        #expect(report.pipelines[0].removed.isEmpty && report.pipelines[0].troubles == ["bad"])
        #expect(try world.names("done").count == 2)
    }

    @Test("a job whose rows or whose input retention has taken cannot be verified, and that is said")
    func verification() throws {
        let world = try World("retention: { results: 1d }")
        try fill(world)
        _ = try collect(world, days: 2)
        func failure() throws -> Failure {
            try #require(throws: Failure.self) {
                try world.withReader { try Verification(reader: $0, paths: world.paths).verify(1) }
            }
        }
        #expect(try failure().code == .notFound && failure().message.contains("rows of job 1 were removed"))
    }

    @Test("a kept model stays while a job refers to it, a pipeline runs with it, or it was taken up a moment ago")
    func models() throws {
        let world = try World("retention: { inputs: 1d, results: 1d, jobs: 1d }")
        let first = world.pipeline.model.sha256
        _ = try world.run(world.admit(world.drop(World.set(5, seed: 1), as: "a.safetensors")))
        try ModelFile.save(World.model(seed: 2), to: "\(world.paths.models)/m.safetensors")
        let second = try Pipeline(name: "p", configuration: world.pipeline.configuration, paths: world.paths)
        func removed(running: [Pipeline] = [], before horizon: Date = .distantFuture) throws -> [String] {
            try world.withReader { reader in
                try ModelLibrary(paths: world.paths).removeUnused(
                    reader, running: Set(running.map(\.model.sha256)), before: horizon)
            }
        }
        #expect(try removed(running: [second]) == [])
        #expect(try collect(world, days: 2).removed.jobs == 1)
        #expect(try removed(running: [second], before: Date(timeIntervalSinceNow: -60)) == [])
        #expect(try removed(running: [second]) == [first])
        #expect(try removed() == [second.model.sha256])
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.paths.keptModels) == [])
        // Whoever takes a model up keeps it again.
        _ = try Pipeline(name: "p", configuration: world.pipeline.configuration, paths: world.paths)
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.paths.keptModels).count == 1)
    }
}
