import Accounting
import Foundation
import GRDB
import Synchronization

/// How SQLite answers what is asked most often, as the program asks it.
struct Plans {
    let path: String

    func print() throws {
        let heard = Heard()
        let bench = try Bench(path: path)
        try bench.store.trace { sql in heard.add(sql) }
        try bench.reader.trace { sql in heard.add(sql) }
        let job = try bench.claim(4_000_000)
        try bench.begin(job)
        try bench.commit(job)
        try bench.store.markFiled(job, as: Array("\(job)".utf8))
        _ = try (
            bench.reader.counts(), bench.reader.info(), bench.reader.results(after: 1), bench.reader.changes(after: 1)
        )
        try bench.close()
        let database = try DatabaseQueue(path: path)
        try database.inDatabase { database in
            for sql in heard.statements {
                let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
                statement.setUncheckedArguments([])
                let plan = try Row.fetchAll(statement).map { $0["detail"] as String }
                if plan.isEmpty { continue }
                let text = sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                Figures.say("\n\(text.prefix(180))\(text.count > 180 ? " …" : "")")
                for step in plan { Figures.say("    \(step)") }
            }
        }
        try database.close()
    }

    /// In order, each once.
    private final class Heard: Sendable {
        private let all = Mutex<[String]>([])

        var statements: [String] { all.withLock { $0 } }

        func add(_ sql: String) {
            let isAsked = ["SELECT", "UPDATE", "DELETE", "INSERT"].contains { sql.hasPrefix($0) }
            all.withLock { if isAsked && !$0.contains(sql) { $0.append(sql) } }
        }
    }
}
