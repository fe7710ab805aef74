import Accounting
import Testing

@Suite("Job states")
struct JobStateTests {
    /// The table of the design, and what waits can fail: its file may turn out to be no batch any more.
    private let table: [JobState: Set<JobState>] = [
        .queued: [.running, .held, .cancelled, .failed],
        .running: [.done, .failed, .retrying, .queued],
        .retrying: [.running, .held, .cancelled, .failed],
        .held: [.queued, .cancelled, .failed],
        .done: [],
        .failed: [],
        .cancelled: [],
        .duplicate: [],
    ]

    @Test("a state leads exactly where the table says")
    func successors() {
        for from in JobState.allCases {
            for to in JobState.allCases {
                #expect(from.canBecome(to) == table[from]?.contains(to), "\(from) to \(to)")
            }
        }
    }

    @Test("a job is settled exactly when nothing follows, and its file then has one place")
    func settled() {
        #expect(JobState.allCases.filter(\.isSettled) == [.done, .failed, .cancelled, .duplicate])
        #expect(JobState.allCases.filter(\.filesUnderFailed) == [.failed, .cancelled])
        #expect(JobState.allCases.filter(\.absorbsSameBytes) == [.queued, .running, .retrying, .held, .done])
    }
}
