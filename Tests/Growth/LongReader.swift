import Accounting
import Foundation
import GRDB

/// What a consumer does to the WAL that opens a transaction and forgets it.
struct LongReader {
    let path: String
    let bench: Bench

    func run() throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: path, configuration: configuration)
        try reader.inDatabase { database in
            try database.beginTransaction()
            _ = try Int.fetchOne(database, sql: "SELECT max(seq) FROM v1_results")
        }
        let before = Figures.size(path + "-wal")
        var commits: [Duration] = []
        for number in 2_000_000..<2_001_000 {
            let job = try bench.claim(number)
            try bench.begin(job)
            commits.append(try bench.timed { try bench.commit(job) })
            try bench.store.markFiled(job, as: Array("\(job)--\(number)".utf8))
        }
        let (held, isEmpty) = (Figures.size(path + "-wal"), try bench.store.emptyLargeWAL())
        try reader.inDatabase { try $0.rollback() }
        try reader.close()
        let after = try bench.store.emptyLargeWAL()
        Figures.say(
            """

            a reader that holds its view for 1,000 commits of 1,000 rows:
            """)
        Figures.say(Figures.line("commit of 1,000 rows meanwhile", commits))
        Figures.say("WAL before \(before) MiB, meanwhile \(held) MiB (could be emptied: \(isEmpty)),")
        Figures.say(
            "after it ended \(Figures.size(path + "-wal")) MiB (could be emptied: \(after)); database \(Figures.size(path)) MiB"
        )
    }
}
