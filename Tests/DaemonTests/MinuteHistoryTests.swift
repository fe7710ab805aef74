import Accounting
import Daemon
import Foundation
import Testing

@Suite("the last hour")
struct MinuteHistoryTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_030)

    private func done(_ secondsAgo: Double, rows: Int = 10, seconds: Double = 1) -> Settlement {
        Settlement(at: now.addingTimeInterval(-secondsAgo), state: .done, rows: rows, seconds: seconds)
    }

    @Test("60 minutes are told, oldest first, and what is older is forgotten")
    func minutes() {
        var history = MinuteHistory()
        for ago in [0, 29, 31, 3_569, 3_571, 90_000] { history.add(done(Double(ago))) }
        history.expire(at: now)
        let minutes = history.report(at: now)
        #expect(minutes.count == 60)
        #expect(minutes.map(\.done).enumerated().filter { $1 > 0 }.map(\.offset) == [0, 58, 59])
        #expect(minutes.suffix(2).map(\.rows) == [10, 20])
        #expect(minutes.first?.at == "2027-01-15T07:01:00Z" && minutes.last?.at == "2027-01-15T08:00:00Z")
        #expect(
            history.report(at: now.addingTimeInterval(7_200)).allSatisfy { $0.done == 0 && $0.medianSeconds == nil })
    }

    @Test("failed batches are counted as such; those that are cancelled or duplicates do not count")
    func failed() {
        var history = MinuteHistory()
        for state in [JobState.failed, .cancelled, .duplicate] {
            history.add(Settlement(at: now, state: state, rows: 0, seconds: 5))
        }
        let last = history.report(at: now).last
        #expect(last?.failed == 1 && last?.done == 0 && last?.rows == 0 && last?.maxSeconds == nil)
    }

    @Test("median and 95 % are within 9 % of the exact ones from a millisecond to a day; the slowest is exact")
    func quantiles() throws {
        for scale in [0.001, 0.37, 60, 800] {
            var history = MinuteHistory()
            let times = (1...100).map { scale * Double($0) }
            for seconds in times.shuffled() { history.add(done(0, seconds: seconds)) }
            let last = try #require(history.report(at: now).last)
            #expect(abs(try #require(last.medianSeconds) / times[49] - 1) < 0.095)
            #expect(abs(try #require(last.p95Seconds) / times[94] - 1) < 0.095)
            #expect(last.maxSeconds == times[99])
        }
    }
}
