import Accounting
import Foundation
import Spooling

/// The jobs that wait to be computed: round-robin between pipelines, first come first served within one; a pure value.
public struct JobQueue: Sendable {
    fileprivate struct Waiting {
        let job: QueuedJob
        let notBefore: Monotonic.Instant
    }

    /// Those with the fewest counted attempts first, then in order of arrival: a batch under which the service crashed,
    /// or that passed its deadline, lets the unsuspected ones go before it.
    private var lines: [String: [Waiting]] = [:]
    /// Pipelines in the order in which they are served; the one served last stands last.
    private var turns: [String] = []
    /// However a wall clock may have jumped, nothing waits longer than the longest back-off.
    private let longestWait: Duration

    public init(longestWait: Duration = Backoff.longest) {
        self.longestWait = longestWait
    }

    public var count: Int { lines.values.reduce(0) { $0 + $1.count } }

    public mutating func add(_ job: QueuedJob, at now: Monotonic.Instant, wallClock: Date = Date()) {
        let wait = job.notBefore.map { Duration.seconds(max(0, $0.timeIntervalSince(wallClock))) } ?? .zero
        let waiting = Waiting(job: job, notBefore: now + min(wait, longestWait))
        if lines[job.pipeline] == nil { turns.append(job.pipeline) }
        lines[job.pipeline, default: []].place(waiting)
    }

    /// Takes the job whose turn it is; nil when none is due.
    public mutating func next(at now: Monotonic.Instant) -> QueuedJob? {
        for (turn, pipeline) in turns.enumerated() {
            guard let index = lines[pipeline]?.firstIndex(where: { $0.notBefore <= now }),
                let job = lines[pipeline]?.remove(at: index).job
            else { continue }
            turns.remove(at: turn)
            if lines[pipeline]?.isEmpty == true {
                lines[pipeline] = nil
            } else {
                turns.append(pipeline)
            }
            return job
        }
        return nil
    }

    /// When the next job is due; nil when none waits.
    public var nextDeadline: Monotonic.Instant? {
        lines.values.lazy.joined().map(\.notBefore).min()
    }

    /// Takes out a job that is no longer wanted.
    public mutating func remove(_ id: JobID) {
        for pipeline in turns { lines[pipeline]?.removeAll { $0.job.id == id } }
        dropEmpty()
    }

    /// Takes out the jobs of a pipeline that is no longer served.
    public mutating func remove(pipeline: String) {
        lines[pipeline] = nil
        dropEmpty()
    }

    private mutating func dropEmpty() {
        lines = lines.filter { !$0.value.isEmpty }
        turns.removeAll { lines[$0] == nil }
    }
}

extension [JobQueue.Waiting] {
    /// Keeps the order, each job once. New jobs come last but for suspects, so this is nearly always an append.
    fileprivate mutating func place(_ waiting: JobQueue.Waiting) {
        if let last, waiting.goesBefore(last) || last.job.id == waiting.job.id {
            removeAll { $0.job.id == waiting.job.id }
            let place = lastIndex { $0.goesBefore(waiting) }.map { $0 + 1 } ?? 0
            insert(waiting, at: place)
        } else {
            append(waiting)
        }
    }
}

extension JobQueue.Waiting {
    fileprivate func goesBefore(_ other: JobQueue.Waiting) -> Bool {
        (job.attempts, job.id) < (other.job.attempts, other.job.id)
    }
}
