import Accounting
import Failures
import Foundation
import Pipelines
import Synchronization
import TestSupport
import Testing

/// What an attempt may come to, besides rows.
@Suite("an attempt at a batch")
struct AttemptTests {
    @Test("a deadline counts attempts, and the last one fails the batch")
    func deadline() throws {
        let world = try World("limits: { attempts: 2, deadline: 1ms }")
        var job = try world.admit(world.drop(World.set(20_000, seed: 1), as: "a.safetensors"))
        guard case .retrying(let again, let failure) = try world.run(job) else {
            throw Failure(.internal, "not retrying")
        }
        #expect(failure.code == .deadline && again.attempts == 1 && again.notBefore != nil)
        job = again
        guard case .failed(let last) = try world.run(job) else { throw Failure(.internal, "not failed") }
        #expect(last.code == .deadline)
        #expect(try world.record(job.id).errorCode == "deadline")
        #expect(try world.places.keys.sorted() == ["failed"])
    }

    @Test("a passing failure is tried again without counting an attempt")
    func passingFailure() throws {
        let world = try World("output: { features: float32 }")
        let job = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        try Data().write(to: URL(fileURLWithPath: world.root("state/features")))
        guard case .retrying(let again, let failure) = try world.run(job) else {
            throw Failure(.internal, "not retrying")
        }
        #expect(failure.code == .ioError && again.attempts == 0 && again.retries == 1)
        try FileManager.default.removeItem(atPath: world.root("state/features"))
        guard case .done = try world.run(again) else { throw Failure(.internal, "not done") }
    }

    @Test("a batch whose file was taken away fails at once, so that its bytes can be dropped again")
    func takenAway() throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        try FileManager.default.removeItem(atPath: world.root("spool/p/work/\(job.token)"))
        guard case .failed(let failure) = try world.run(job) else { throw Failure(.internal, "not failed") }
        #expect(failure.code == .notFound)
        #expect(try world.store.unfiled().isEmpty)
        let again = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        guard case .done = try world.run(again) else { throw Failure(.internal, "not done") }
    }

    @Test("while the store takes nothing no attempt begins; afterwards the batch is computed")
    func storeBusyAtBegin() throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        try world.store.setBusyTimeout(milliseconds: 20)
        let lock = try WriteLock(on: world.paths.store)
        guard case .notNow(let failure) = try world.run(job) else { throw Failure(.internal, "begun") }
        #expect(failure.code == .ioError)
        try lock.release()
        #expect(try world.store.job(job.id) == job)
        guard case .done = try world.run(job) else { throw Failure(.internal, "not done") }
        #expect(try world.record(job.id).attempts == 1)
    }

    @Test(
        "an outcome is recorded as soon as the store takes it, and the thread shows meanwhile that it lives",
        arguments: [(BatchControl.Request?.none, JobState.retrying), (.hold, .held), (.cancel, .cancelled)])
    func storeBusyAtTheEnd(request: BatchControl.Request?, state: JobState) throws {
        let world = try World()
        let job = try world.admit(world.drop(World.set(10, seed: 1), as: "a.safetensors"))
        try world.store.setBusyTimeout(milliseconds: 20)
        let program = OtherProgram(store: world.paths.store)
        let control = BatchControl(limit: .seconds(60)) { program.beat() }
        if let request { control.ask(request) }
        _ = try world.run(job, control: control) { program.beat() }
        #expect(try world.record(job.id).state == state)
    }

    @Test("a person who asks once all is computed is still heard; a service that stops stores what is computed")
    func askedLate() throws {
        let world = try World()
        let outcomes: [(BatchControl.Request, JobState)] = [(.hold, .held), (.cancel, .cancelled), (.stop, .done)]
        for (number, (request, state)) in outcomes.enumerated() {
            let set = World.set(50, seed: UInt64(number + 1))
            let job = try world.admit(world.drop(set, as: "\(number).safetensors"))
            let control = BatchControl(limit: .seconds(60))
            #expect(try world.life.begin(job) == nil)
            let computed = world.life.compute(job, control: control)
            #expect(computed.isReady)
            control.ask(request)
            _ = try world.life.settle(computed, control: control)
            #expect(try world.record(job.id).state == state)
        }
        #expect(try world.results().count == 50)
    }
}

/// Locks the store at the first beat of a computation, and lets go of it after many more: only a thread that goes on
/// beating while it waits for the store ever gets it.
private final class OtherProgram: Sendable {
    private let path: String
    private let state = Mutex<(beats: Int, lock: WriteLock?)>((0, nil))

    init(store path: String) { self.path = path }

    func beat() {
        state.withLock { state in
            state.beats += 1
            if state.beats == 1 { state.lock = try? WriteLock(on: path) }
            if state.beats == 40 { try? state.lock?.release() }
        }
    }
}
