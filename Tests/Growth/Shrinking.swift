import Accounting
import Foundation
import Synchronization

/// Retention at work: how long each step holds the writer, and what batches notice of it.
struct Shrinking {
    let path: String
    let bench: Bench

    func run() throws {
        let now = Date(timeIntervalSinceNow: 1)
        var steps: [Duration] = []
        let producer = Producer(bench: bench)
        let began = ContinuousClock.now
        var counts = (inputs: 0, rows: 0, jobs: 0)
        for pipeline in ["p0", "p1", "p2", "p3"] {
            for state in JobState.allCases where state.isSettled {
                while true {
                    let files = try bench.store.expiredInputs(
                        pipeline: pipeline, state: state, before: now, after: nil, limit: 64)
                    if files.isEmpty { break }
                    steps.append(try bench.timed { try bench.store.markInputsRemoved(files.map(\.job)) })
                    counts.inputs += files.count
                }
            }
            var more = 1
            while more > 0 {
                steps.append(
                    try bench.timed {
                        let found = try bench.store.retireSomeResults(pipeline: pipeline, before: now)
                        (more, counts.rows) = (found.jobs, counts.rows + found.rows)
                    })
            }
            var isMore = true
            while isMore { steps.append(try bench.timed { isMore = try bench.store.deleteSomeRows() }) }
            repeat {
                steps.append(
                    try bench.timed { more = try bench.store.deleteSomeJobs(pipeline: pipeline, before: now) })
                counts.jobs += more
            } while more > 0
        }
        let claims = producer.finish()
        Figures.say(
            "\nretention of everything: \(counts.inputs) inputs, \(counts.rows) rows, \(counts.jobs) jobs in "
                + "\(Figures.seconds(ContinuousClock.now - began)), \(steps.count) steps")
        Figures.say(Figures.line("one step", steps) + "  longest \(Figures.milliseconds(steps.max() ?? .zero))")
        Figures.say(
            Figures.line("claim meanwhile", claims) + "  longest \(Figures.milliseconds(claims.max() ?? .zero))")
        Figures.say(
            "database \(Figures.size(path)) MiB, WAL \(Figures.size(path + "-wal")) MiB: freed pages are used again")
    }
}

/// Drops a batch now and then, on a thread of its own.
private final class Producer: Sendable {
    private let state = Mutex((isOver: false, times: [Duration]()))
    private let ended = DispatchSemaphore(value: 0)

    init(bench: Bench) {
        Thread.detachNewThread { [self] in
            var number = 3_000_000
            while !state.withLock({ $0.isOver }) {
                number += 1
                let next = number
                if let time = try? bench.timed({ _ = try bench.claim(next) }) {
                    state.withLock { $0.times.append(time) }
                }
                usleep(20_000)
            }
            ended.signal()
        }
    }

    /// - Returns: how long each claim took.
    func finish() -> [Duration] {
        state.withLock { $0.isOver = true }
        ended.wait()
        return state.withLock { $0.times }
    }
}
