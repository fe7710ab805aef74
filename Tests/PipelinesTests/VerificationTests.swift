import Accounting
import Failures
import Foundation
import GRDB
import Pipelines
import Testing

@Suite("verify")
struct VerificationTests {
    private func done(_ world: World) throws -> JobID {
        var set = World.set(5_000, seed: 3)
        set.embeddings[7 * World.dimension] = .nan
        let job = try world.admit(world.drop(set, as: "a.safetensors.zst"))
        _ = try world.run(job)
        return job.id
    }

    private func verify(_ world: World, _ id: JobID) throws -> Verification.Report {
        try world.withReader { try Verification(reader: $0, paths: world.paths).verify(id) }
    }

    @Test("a done job is recomputed bit for bit, even after its model was replaced")
    func identical() throws {
        let world = try World("classify: { top_k: 2 }")
        let id = try done(world)
        try Data("another model".utf8).write(to: URL(fileURLWithPath: world.root("models/m.safetensors")))
        let report = try verify(world, id)
        #expect(report.isIdentical && report.rows == 5_000, "\(report.differences)")
    }

    @Test("a stored value that was altered is found, and named by row and column")
    func altered() throws {
        let world = try World()
        let id = try done(world)
        try world.execute("UPDATE results SET score = score + 1e-6 WHERE row = 4711")
        try world.execute("UPDATE results SET class = 2 - class, item_id = 'x' WHERE row = 17 AND class <> 1")
        let report = try verify(world, id)
        #expect(!report.isIdentical)
        #expect(report.differences.contains { $0.row == 4_711 && $0.column == "score" })
    }

    @Test("the input is the one that was recorded, not one of another store's job with the same number")
    func otherStore() throws {
        let world = try World()
        let id = try done(world)
        for name in ["\(id)--a.npy", "\(id)-0--a.npy"] {
            try Data("another".utf8).write(to: URL(fileURLWithPath: world.root("spool/p/done/\(name)")))
        }
        #expect(try verify(world, id).isIdentical)
        try FileManager.default.removeItem(atPath: world.root("spool/p/done/\(id)--a.safetensors.zst"))
        #expect(try #require(throws: Failure.self) { try verify(world, id) }.code == .notFound)
    }

    @Test("without its input or its model a job cannot be verified, and the message says which is missing")
    func missing() throws {
        let world = try World()
        let id = try done(world)
        let kept = world.root("state/models/\(world.pipeline.model.sha256).safetensors")
        try FileManager.default.moveItem(atPath: kept, toPath: world.root("aside"))
        #expect(try #require(throws: Failure.self) { try verify(world, id) }.message.contains("model"))
        try FileManager.default.moveItem(atPath: world.root("aside"), toPath: kept)
        try FileManager.default.removeItem(atPath: world.root("spool/p/done/\(id)--a.safetensors.zst"))
        #expect(try #require(throws: Failure.self) { try verify(world, id) }.message.contains("input"))
        let waiting = try world.admit(world.drop(World.set(5, seed: 9), as: "b.safetensors"))
        #expect(try #require(throws: Failure.self) { try verify(world, waiting.id) }.code == .wrongState)
    }
}

extension World {
    /// Writes to the store behind its back, as no part of the product does.
    func execute(_ sql: String) throws {
        let database = try DatabaseQueue(path: paths.store)
        try database.write { try $0.execute(sql: sql) }
        try database.close()
    }

    func forgetFiling(_ id: JobID) throws {
        try execute("UPDATE jobs SET filed_as = NULL WHERE job_id = \(id)")
    }
}
