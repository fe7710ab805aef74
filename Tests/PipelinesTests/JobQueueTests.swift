import Accounting
import Foundation
import Pipelines
import Spooling
import Testing

@Suite("the queue of jobs")
struct JobQueueTests {
    private let now = Monotonic.now

    private func job(_ id: JobID, _ pipeline: String, attempts: Int = 0, notBefore: Date? = nil) -> QueuedJob {
        QueuedJob(
            id: id, pipeline: pipeline, state: notBefore == nil ? .queued : .retrying, token: "t\(id)", name: [65],
            sha256: nil, rows: 1, fileBytes: 1, attempts: attempts, retries: 0, notBefore: notBefore, errorCode: nil,
            errorMessage: nil)
    }

    private func drain(_ queue: inout JobQueue, at time: Monotonic.Instant? = nil) -> [JobID] {
        var order: [JobID] = []
        while let next = queue.next(at: time ?? now) { order.append(next.id) }
        return order
    }

    @Test("pipelines take turns, and within one the first come is the first served")
    func turns() {
        var queue = JobQueue()
        for id in 1...4 { queue.add(job(JobID(id), "a"), at: now) }
        for id in 5...6 { queue.add(job(JobID(id), "b"), at: now) }
        #expect(drain(&queue) == [1, 5, 2, 6, 3, 4])
        #expect(queue.count == 0 && queue.nextDeadline == nil)
    }

    @Test("a pipeline that always has one more job does not starve another")
    func noStarving() {
        var queue = JobQueue()
        queue.add(job(100, "b"), at: now)
        var served: [JobID] = []
        for id in 1...3 {
            queue.add(job(JobID(id), "a"), at: now)
            if let next = queue.next(at: now) { served.append(next.id) }
        }
        #expect(served.contains(100))
    }

    @Test("a retry waits for its time and then keeps its place")
    func retries() throws {
        let wall = Date()
        var queue = JobQueue()
        queue.add(job(2, "a"), at: now)
        queue.add(job(1, "a", notBefore: wall.addingTimeInterval(10)), at: now, wallClock: wall)
        queue.add(job(3, "a"), at: now)
        #expect(queue.next(at: now)?.id == 2)
        #expect(drain(&queue, at: now + .seconds(11)) == [1, 3])
    }

    @Test("a batch with a counted attempt lets those without one go first")
    func suspectsLast() {
        var queue = JobQueue()
        queue.add(job(1, "a", attempts: 2), at: now)
        queue.add(job(2, "a", attempts: 1), at: now)
        queue.add(job(3, "a"), at: now)
        queue.add(job(4, "a"), at: now)
        queue.add(job(4, "a"), at: now)
        #expect(drain(&queue) == [3, 4, 2, 1])
    }

    @Test("a wall clock that jumped back makes nothing wait longer than the longest back-off")
    func clockJump() throws {
        var queue = JobQueue()
        queue.add(job(1, "a", notBefore: Date().addingTimeInterval(1e8)), at: now)
        let deadline = try #require(queue.nextDeadline)
        #expect(deadline <= now + Backoff.longest)
    }

    @Test("a job is in the queue once, and can be taken out")
    func onceOnly() {
        var queue = JobQueue()
        for id in [1, 2, 2, 1, 3] { queue.add(job(JobID(id), "a"), at: now) }
        queue.add(job(4, "b"), at: now)
        queue.remove(2)
        queue.remove(pipeline: "b")
        #expect(drain(&queue) == [1, 3])
    }

    @Test("back-off doubles up to five minutes")
    func backoff() {
        #expect([0, 1, 2, 3].map { Backoff.delay(retries: $0) } == [1, 2, 4, 8].map { .seconds($0) })
        #expect(Backoff.delay(retries: 500) == .seconds(300))
    }
}
