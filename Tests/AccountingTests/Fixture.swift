import Accounting
import Failures
import Foundation
import GRDB
import TestSupport
import Testing

/// A store in a directory of its own, removed when the test ends.
final class Fixture {
    let scratch: Scratch
    let path: String
    private(set) var store: Store
    private var tokens = 0

    init() throws {
        scratch = try Scratch()
        path = scratch("sono.sqlite")
        store = try Store.open(path: path)
    }

    /// Opens the store anew after `store.close()`.
    func reopen() throws {
        store = try Store.open(path: path)
    }

    deinit {
        try? store.close()
    }

    /// A digest made of one hex digit, or of `seed`.
    static func digest(_ seed: Int) -> String {
        let digits = String(seed, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    func token() -> String {
        tokens += 1
        return "token-\(tokens)"
    }

    func admit(
        _ seed: Int, pipeline: String = "photos", name: String = "a.safetensors", again: Bool = false, rows: Int = 3
    ) throws -> Admitted {
        let note = ClaimNote(token: token(), pipeline: pipeline, name: Array(name.utf8), again: again)
        try store.noteClaims([note])
        return try store.admit(
            Admission(
                token: note.token, pipeline: pipeline, name: note.name, sha256: Self.digest(seed), rows: rows,
                fileBytes: 100))
    }

    static let execution = Execution(
        modelID: "0123456789ab", modelSHA256: digest(77), solver: "rk4", steps: 4, form: "direct", kernel: "avx2",
        evaluations: 15)

    /// Three rows: two ok, one not.
    static let batch = ResultBatch(
        rows: 3, ids: .ordinal, statuses: [0, 1, 0], topK: 2, topClasses: [1, 0, -1, -1, 0, 1],
        topScores: [0.75, 0.25, 0, 0, 0.5, 0.5], margins: [0.5, 0, 0], classNames: ["cat", "dog"])

    /// Takes a fresh job to `state`.
    func job(in state: JobState, seed: Int) throws -> JobID {
        switch state {
        case .queued:
            return try admit(seed).jobID
        case .duplicate:
            _ = try admit(seed)
            return try admit(seed).jobID
        case .held:
            let job = try admit(seed).jobID
            try store.hold(job)
            return job
        case .cancelled:
            let job = try admit(seed).jobID
            try store.cancel(job)
            return job
        case .running, .done, .failed, .retrying:
            let job = try admit(seed).jobID
            try store.begin(job, Self.execution)
            if state == .done { try store.complete(job, Self.batch, Timings()) }
            if state == .failed { try store.fail(job, Failure(.internal, "no")) }
            if state == .retrying { try store.retry(job, Failure(.ioError, "later"), notBefore: Date()) }
            return job
        }
    }

    /// Asks over a connection that shares nothing with the store.
    func outside<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.outside(path, body)
    }

    static func outside<Value>(_ path: String, _ body: (Database) throws -> Value) throws -> Value {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction(body)
    }

    func state(_ job: JobID) throws -> JobState? {
        try outside { database throws in
            try String.fetchOne(database, sql: "SELECT state FROM v1_jobs WHERE job_id = ?", arguments: [job])
        }.flatMap(JobState.init(rawValue:))
    }
}

extension Store {
    func markFiled(_ job: JobID, as name: String, commitSeconds: Double? = nil) throws {
        try markFiled(job, as: Array(name.utf8), commitSeconds: commitSeconds)
    }
}

/// The code of what `body` throws, nil if nothing.
func code(_ body: () throws -> Void) -> FailureCode? {
    do {
        try body()
        return nil
    } catch let failure as Failure {
        return failure.code
    } catch {
        Issue.record("not a Failure: \(error)")
        return nil
    }
}
