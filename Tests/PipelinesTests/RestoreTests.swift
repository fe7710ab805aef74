import Accounting
import Failures
import Foundation
import Pipelines
import Spooling
import Testing

@Suite("a store put back to an earlier state")
struct RestoreTests {
    /// Puts `copy` in place of the world's store, as a person does with the service stopped, and starts.
    private func restored(_ world: World, from copy: String) throws -> World {
        try world.store.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: world.paths.store + suffix) }
        try FileManager.default.copyItem(atPath: copy, toPath: world.paths.store)
        return try World(continuing: world)
    }

    private func run(_ world: World, seed: UInt64, as name: String) throws -> JobID {
        let job = try world.admit(world.drop(World.set(20, seed: seed), as: name))
        if job.state == .queued { _ = try world.run(job) }
        return job.id
    }

    @Test("no batch that the copy does not know is lost, and none is counted twice")
    func restore() throws {
        var world = try World()
        _ = try run(world, seed: 1, as: "before.safetensors")
        let waiting = try world.admit(world.drop(World.set(20, seed: 2), as: "waiting.safetensors"))
        let cancelled = try world.admit(world.drop(World.set(20, seed: 3), as: "cancelled.safetensors"))
        let copy = world.root("copy.sqlite")
        _ = try StoreBackup.write(store: world.paths.store, to: copy)

        // What the copy does not know: one finished, one given up, a new batch, one more time the bytes of another, a
        // refusal, and one that is in work/.
        _ = try world.run(waiting)
        try world.store.cancel(cancelled.id)
        #expect(world.recovery.fileSettled() == [])
        _ = try run(world, seed: 4, as: "after.safetensors")
        _ = try run(world, seed: 1, as: "again.safetensors")
        try World.refused.write(to: URL(fileURLWithPath: world.incoming("bad.npz")))
        _ = try world.admit(#require(FileName("bad.npz")))
        _ = try world.admit(world.drop(World.set(20, seed: 5), as: "claimed.safetensors"))
        let before = try world.results()
        #expect(before.count == 60)

        world = try restored(world, from: copy)
        let id = try world.withReader { try $0.info().storeID }
        _ = try world.recovery.recoverStore { _ in 3 }
        #expect(try world.recovery.compareWithSpool() == [])
        // Killed at once and started again, it comes to the same.
        _ = try world.recovery.recoverStore { _ in 3 }
        #expect(try world.recovery.compareWithSpool() == nil)
        try world.restart()
        try world.restart()

        let results = try world.results()
        #expect(Set(results.map(\.itemID)).count == 100 && results.count == 100)
        #expect(try world.record(waiting.id).state == .done)
        let jobs = try world.withReader { try $0.jobs() }
        #expect(jobs.filter { $0.state == .duplicate }.map(\.fileName) == ["again.safetensors"])
        #expect(jobs.filter { $0.state == .failed }.map(\.errorCode) == ["unsupported_format"])
        #expect(try world.names("work") == [] && world.names("done").count == 6)
        #expect(try world.withReader { try $0.info().storeID } == id)
        #expect(try world.store.integrityErrors() == [])
    }

    @Test("a comparison that cannot be made now is made at the next start")
    func later() throws {
        var world = try World()
        let copy = world.root("copy.sqlite")
        _ = try StoreBackup.write(store: world.paths.store, to: copy)
        _ = try run(world, seed: 1, as: "a.safetensors")
        world = try restored(world, from: copy)
        let (done, aside) = (world.root("spool/p/done"), world.root("aside"))
        try FileManager.default.moveItem(atPath: done, toPath: aside)
        #expect(try world.recovery.compareWithSpool()?.count == 1)
        try FileManager.default.moveItem(atPath: aside, toPath: done)
        #expect(try world.recovery.compareWithSpool() == [])
        try world.restart()
        #expect(try world.results().count == 20)
    }
}
