import Accounting
import Daemon
import Failures
import Foundation

/// Result rows, fetched and printed page by page: a million of them need no more memory than a thousand.
struct ResultFeed {
    let client: StatusClient
    let after: Int64
    let limit: Int?
    let job: JobID?
    let pipeline: String?
    let format: ResultFormat
    /// Whether to wait for more at the end.
    let follows: Bool
    /// The store whose cursor `after` is; nil for whichever answers first.
    let store: String?

    private static let pageRows = 5_000
    /// Between two looks for more.
    private static let pause = 1.0

    /// - Throws: `wrong_state` when the rows are another store's than they were.
    func print() throws {
        if follows { Terminal.letSignalsEnd() }
        var output = Output()
        var feed = State(next: after, left: limit ?? .max, store: store)
        try output.write(format.head)
        while feed.left > 0 {
            let page: ResultPage
            do {
                page = try self.page(&feed)
            } catch let failure as Failure where follows && feed.isBegun && Self.passes(failure) {
                // Between a service that ended and one that starts, or one that is upgraded.
                Thread.sleep(forTimeInterval: Self.pause)
                continue
            }
            for row in page.results {
                try output.write(format.text(of: row, isFirst: feed.isEmpty))
                feed.isEmpty = false
            }
            feed.left -= page.results.count
            let isEnd = page.next == feed.next
            feed.next = page.next
            guard isEnd else { continue }
            if !follows { break }
            try output.flush()
            Thread.sleep(forTimeInterval: Self.pause)
        }
        if format == .json {
            let storeID = feed.store.map { ",\n\"store_id\": \"\($0)\"" } ?? ""
            try output.write("\n],\n\"next\": \(feed.next)\(storeID)\n}\n")
        }
        try output.flush()
    }

    private struct State {
        var next: Int64
        var left: Int
        var store: String?
        var isEmpty = true
        var isBegun = false
        var wasService: Bool?
    }

    private func page(_ feed: inout State) throws -> ResultPage {
        let (page, source) = try client.results(
            after: feed.next, limit: min(feed.left, Self.pageRows), job: job, pipeline: pipeline)
        if feed.wasService != (source == .service) { tellSource(source) }
        feed.wasService = source == .service
        if let known = feed.store, let now = page.storeID, known != now {
            throw Failure(
                .wrongState,
                "the store is \(now) and was \(known): it was restored or built anew, and numbers are given out a second "
                    + "time; start over with --after 0.")
        }
        if let removed = page.removedThrough, feed.next > 0, feed.next < removed, !feed.isBegun {
            Messages.say("sono: retention has taken away rows between seq \(feed.next) and \(removed).")
        }
        feed.store = page.storeID ?? feed.store
        feed.isBegun = true
        return page
    }

    private static func passes(_ failure: Failure) -> Bool {
        switch failure.code {
        case .unavailable, .notFound, .ioError, .deadline: true
        default: false
        }
    }
}
