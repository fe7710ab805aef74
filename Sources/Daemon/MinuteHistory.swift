import Accounting
import Foundation

/// What came to its end in each minute of the last hour.
package struct MinuteHistory {
    static let minutes = 60

    /// Minutes since 1970 in which something happened.
    private var found: [Int: MinuteSums] = [:]

    package init() {}

    package mutating func add(_ settlement: Settlement) {
        found[Self.minute(settlement.at), default: MinuteSums()].add(settlement)
    }

    /// Forgets what is older than an hour.
    package mutating func expire(at now: Date) {
        let oldest = Self.minute(now) - Self.minutes + 1
        found = found.filter { $0.key >= oldest }
    }

    /// Oldest first; the last one is the minute under way.
    package func report(at now: Date) -> [HistoryReport.Minute] {
        let current = Self.minute(now)
        return (current - Self.minutes + 1...current).map { minute in
            let sums = found[minute] ?? MinuteSums()
            return HistoryReport.Minute(
                at: Date(timeIntervalSince1970: Double(minute) * 60).ISO8601Format(), done: sums.done,
                failed: sums.failed, rows: sums.rows, medianSeconds: sums.seconds(quantile: 0.5),
                p95Seconds: sums.seconds(quantile: 0.95), maxSeconds: sums.done > 0 ? sums.maxSeconds : nil)
        }
    }

    private static func minute(_ date: Date) -> Int { Int((date.timeIntervalSince1970 / 60).rounded(.down)) }
}

/// Sums over the batches of one minute. Their times are kept as counts in columns a quarter of an octave wide, from 1 ms
/// on: quantiles are right to 9 %, and a million batches take no more memory than ten.
struct MinuteSums {
    private(set) var done = 0
    private(set) var failed = 0
    private(set) var rows = 0
    private(set) var maxSeconds = 0.0
    private var columns = [Int](repeating: 0, count: 120)

    mutating func add(_ settlement: Settlement) {
        if settlement.state == .failed { failed += 1 }
        guard settlement.state == .done else { return }
        done += 1
        rows += settlement.rows
        maxSeconds = max(maxSeconds, settlement.seconds)
        let column = (log2(max(settlement.seconds, 0.001) / 0.001) * 4).rounded(.down)
        columns[min(columns.count - 1, Int(column))] += 1
    }

    /// Nil while nothing was done.
    func seconds(quantile: Double) -> Double? {
        guard done > 0 else { return nil }
        var left = Int((Double(done) * quantile).rounded(.up))
        for (column, count) in columns.enumerated() {
            left -= count
            if left <= 0 { return min(maxSeconds, 0.001 * exp2((Double(column) + 0.5) / 4)) }
        }
        return maxSeconds
    }
}
