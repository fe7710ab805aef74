import Accounting
import Foundation

/// The calls that the service makes for each batch, for `sono status`, and for a consumer that reads on from its cursor.
final class Bench: Sendable {
    struct Series {
        let name: String
        let times: [Duration]
    }

    static let repetitions = 200
    static let batchRows = 1_000
    let store: Store
    let reader: StoreReader

    init(path: String) throws {
        store = try Store.open(path: path)
        reader = try StoreReader.open(path: path)
    }

    func close() throws {
        try reader.close()
        try store.close()
    }

    /// - Parameter from: a number that no earlier batch's digest has.
    func run(from first: Int) throws -> [Series] {
        var (claims, begins, commits, filings) = ([Duration](), [Duration](), [Duration](), [Duration]())
        for number in first..<first + Self.repetitions {
            var job: JobID = 0
            claims.append(try timed { job = try self.claim(number) })
            begins.append(try timed { try self.begin(job) })
            commits.append(try timed { try self.commit(job) })
            filings.append(try timed { try self.store.markFiled(job, as: Array("\(job)--\(number)".utf8)) })
        }
        let last = try reader.info().lastResult
        return [
            Series(name: "claim: note, admit", times: claims),
            Series(name: "begin: count the attempt", times: begins),
            Series(name: "commit of 1,000 rows", times: commits),
            Series(name: "file: mark as in done/", times: filings),
            Series(
                name: "status: counts and store",
                times: try series { (try self.reader.counts(), try self.reader.info()) }),
            Series(
                name: "1,000 rows after a random seq",
                times: try series { try self.reader.results(after: Int64.random(in: 0...max(1, last - 1_000))) }),
            Series(name: "1,000 rows after the newest", times: try series { try self.reader.results(after: last) }),
            Series(
                name: "1,000 changes after a random seq",
                times: try series { try self.reader.changes(after: Int64.random(in: 0...max(1, last / 4))) }),
            Series(
                name: "100 newest jobs", times: try series { try self.reader.jobs(JobFilter(newestFirst: true)) }),
        ]
    }

    func claim(_ number: Int) throws -> JobID {
        let token = String(format: "f%015x", number)
        try store.noteClaims([ClaimNote(token: token, pipeline: "p0", name: Array("\(number)".utf8))])
        return try store.admit(
            Admission(
                token: token, pipeline: "p0", name: Array("\(number)".utf8),
                sha256: String(format: "f%063x", number), rows: Self.batchRows, fileBytes: 1)
        ).jobID
    }

    func begin(_ job: JobID) throws {
        try store.begin(
            job,
            Execution(
                modelID: "0123456789ab", modelSHA256: String(repeating: "0", count: 64), solver: "rk4", steps: 4,
                form: "hidden", kernel: "avx2", evaluations: 15))
    }

    func commit(_ job: JobID) throws {
        let rows = Self.batchRows
        try store.complete(
            job,
            ResultBatch(
                rows: rows, ids: .ordinal, statuses: [UInt8](repeating: 0, count: rows), topK: 3,
                topClasses: (0..<rows).flatMap { _ in [Int32(0), 1, 2] },
                topScores: (0..<rows).flatMap { _ in [Float(0.7), 0.2, 0.1] },
                margins: [Float](repeating: 0.5, count: rows), classNames: ["cat", "dog", "bird"]), Timings())
    }

    func series<Value>(_ body: () throws -> Value) throws -> [Duration] {
        try (0..<Self.repetitions).map { _ in try timed { _ = try body() } }
    }

    func timed(_ body: () throws -> Void) rethrows -> Duration { try ContinuousClock().measure(body) }
}
