import Accounting
import Daemon
import EmbeddingSets
import Failures
import Foundation
import Logging
import Pipelines
import Spooling
import Synchronization
import TestSupport
import Testing

@Suite("the thread that computes")
struct LaneTests {
    @Test("waits while the store takes nothing, and goes on by itself; the service does not end")
    func storeBusy() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        try store.setBusyTimeout(milliseconds: 20)
        let jobs = try (1...3).map { try admit($0, root, pipeline, store) }

        let board = Board()
        let isBroken = Mutex(false)
        let isBeginningTold = Mutex(false)
        let lane = Lane(
            store: store, board: board, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            isolation: Root.isolation)
        lane.start(
            Lane.Events(
                changed: { _ in }, noSpace: { _ in },
                moved: {
                    if board.snapshot.running != nil { isBeginningTold.withLock { $0 = true } }
                }, broken: { _ in isBroken.withLock { $0 = true } }))
        lane.serve(["p": pipeline])
        let lock = try WriteLock(on: root.paths.store)
        for job in jobs { lane.add(job) }
        try eventually("it has noticed") { board.snapshot.errors[.ioError] == 1 }
        try lock.release()
        try eventually("all are done") { try jobs.allSatisfy { try store.job($0.id).state == .done } }
        lane.stop()
        lane.waitUntilStopped()
        #expect(!isBroken.withLock { $0 } && isBeginningTold.withLock { $0 })
    }

    @Test("takes up nothing more once the store is gone, and says so once")
    func storeGone() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        let jobs = try (1...3).map { try admit($0, root, pipeline, store) }
        try store.close()
        let faults = Mutex(0)
        let lane = Lane(
            store: store, board: Board(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            isolation: Root.isolation)
        lane.serve(["p": pipeline])
        for job in jobs { lane.add(job) }
        lane.start(
            Lane.Events(changed: { _ in }, noSpace: { _ in }, moved: {}, broken: { _ in faults.withLock { $0 += 1 } })
        )
        lane.waitUntilStopped()
        #expect(faults.withLock { $0 } == 1)
    }

    @Test("the next batch is begun before one is committed, never two; commits keep the order")
    func overlap() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        let jobs = try (1...4).map { try admit($0, root, pipeline, store) }
        #expect(
            try changes(of: jobs, root, pipeline, store) == [
                "1 running", "2 running", "1 done", "3 running", "2 done", "4 running", "3 done", "4 done",
            ])
    }

    @Test("a batch is computed while the one before it is committed")
    func beside() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        let reader = try StoreReader.open(path: root.paths.store)
        let jobs = try (1...2).map { try admit($0, rows: 200_000, root, pipeline, store) }
        let board = Board()
        let lane = Lane(
            store: store, board: board, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            isolation: Root.isolation)
        lane.serve(["p": pipeline])
        for job in jobs { lane.add(job) }
        lane.start(Lane.Events(changed: { _ in }, noSpace: { _ in }, moved: {}, broken: { _ in }))
        try eventually("rows of the second are computed before those of the first are visible") {
            guard let running = board.snapshot.running, running.job.id == jobs[1].id else { return false }
            return try running.control.rowsDone > 0 && reader.job(jobs[0].id).state == .running
        }
        try eventually("both are done") { try jobs.allSatisfy { try reader.job($0.id).state == .done } }
        lane.stop()
        lane.waitUntilStopped()
        #expect(try reader.info().lastResult == 400_000)
    }

    @Test("a batch that the service may have crashed under is computed in a process of its own, while the others flow")
    func suspect() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        var jobs = try (1...3).map { try admit($0, root, pipeline, store) }
        try store.begin(jobs[0].id, nil)
        try store.retry(jobs[0].id, Failure(.deadline, "as after a crash"), notBefore: .distantPast)
        jobs[0] = try store.job(jobs[0].id)
        #expect(jobs[0].attempts == 1)
        let told = try changes(of: jobs, root, pipeline, store)
        #expect(told.filter { !$0.hasPrefix("1 ") } == ["2 running", "3 running", "2 done", "3 done"])
        #expect(told.filter { $0.hasPrefix("1 ") } == ["1 running", "1 done"])
    }

    @Test("a batch that hangs in a process of its own is put aside at its deadline, and holds nobody up")
    func hanging() throws {
        let root = try Root(pipeline: "limits: { deadline: 2s, attempts: 2 }")
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        var jobs = try (1...3).map { try admit($0, root, pipeline, store) }
        try store.begin(jobs[0].id, nil)
        try store.retry(jobs[0].id, Failure(.crashed, "as after a crash"), notBefore: .distantPast)
        jobs[0] = try store.job(jobs[0].id)
        let program = try root.scratch.write("#!/bin/sh\nexec sleep 600\n", to: "hangs")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let told = try changes(of: jobs, root, pipeline, store, in: Isolation(program: program))
        #expect(told.last == "1 failed" && told.count == 6)
        #expect(try store.job(jobs[0].id).errorCode == "deadline")
    }

    /// What becomes of jobs that wait when the lane starts, in the order of the change log.
    private func changes(
        of jobs: [QueuedJob], _ root: Root, _ pipeline: Pipeline, _ store: Store,
        in isolation: Isolation = Root.isolation
    ) throws -> [String] {
        let reader = try StoreReader.open(path: root.paths.store)
        let before = try reader.changes().map(\.seq).max() ?? 0
        let lane = Lane(
            store: store, board: Board(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            isolation: isolation)
        lane.serve(["p": pipeline])
        for job in jobs { lane.add(job) }
        lane.start(Lane.Events(changed: { _ in }, noSpace: { _ in }, moved: {}, broken: { _ in }))
        try eventually("all are settled") { try jobs.allSatisfy { try store.job($0.id).state.isSettled } }
        lane.stop()
        lane.waitUntilStopped()
        return try reader.changes(after: before).map { "\($0.jobID) \($0.toState.rawValue)" }
    }

    private func admit(
        _ number: Int, rows: Int = 10, _ root: Root, _ pipeline: Pipeline, _ store: Store
    ) throws -> QueuedJob {
        try root.drop(rows, seed: UInt64(number), as: "\(number).safetensors")
        let name = try #require(FileName("\(number).safetensors"))
        let life = BatchLife(pipeline: pipeline, store: store)
        let claim = try #require(life.claim([name]).claims.first)
        return try life.admit(claim.token, name: name)
    }
}
