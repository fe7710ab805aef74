import Accounting
import Foundation
import Synchronization

/// The last hour, minute by minute, brought up to date from the store whenever somebody asks: each change is read once.
final class RecentHistory: Sendable {
    /// Changes read for one answer. After an hour in which nobody asked and more happened, the history begins later and
    /// says so.
    private static let span: Int64 = 60_000

    private struct State {
        var minutes = MinuteHistory()
        /// Up to where it has read; nil before the first time.
        var cursor: Int64?
        /// From when on nothing is missing.
        var since = Date.distantPast
    }

    private let state = Mutex(State())
    private let reader: StoreReader

    init(reader: StoreReader) {
        self.reader = reader
    }

    func report(at now: Date = Date()) throws -> HistoryReport {
        try state.withLock { state in
            try catchUp(&state, at: now)
            state.minutes.expire(at: now)
            let hour = state.minutes.report(at: now)
            return HistoryReport(since: max(state.since.ISO8601Format(), hour.first?.at ?? ""), minutes: hour)
        }
    }

    private func catchUp(_ state: inout State, at now: Date) throws {
        let newest = try reader.info().lastChange
        var cursor: Int64
        if let last = state.cursor {
            cursor = last
        } else {
            cursor = try reader.lastChange(before: now.addingTimeInterval(-Double(MinuteHistory.minutes) * 60))
        }
        let isCutShort = newest - cursor > Self.span
        if isCutShort {
            cursor = newest - Self.span
            state.minutes = MinuteHistory()
        }
        let page = try reader.settlements(after: cursor, span: Self.span)
        if isCutShort { state.since = page.settlements.first?.at ?? now }
        for settlement in page.settlements { state.minutes.add(settlement) }
        state.cursor = page.next
    }
}
