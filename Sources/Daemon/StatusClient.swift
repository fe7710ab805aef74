import Accounting
import Failures
import Foundation
import Pipelines

/// Asks how the service is doing, for the command line: over status.sock, or from the store if no service answers.
public struct StatusClient: Sendable {
    public enum Source: Equatable, Sendable {
        case service
        /// No service answered: the store was read.
        case store(Absence)
        /// The store was read without asking the service, which would have to go through all its jobs.
        case search
    }

    /// How long the service is given for its status, in seconds: it has no work that takes so long.
    private static let patience = 5

    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// What the service says of itself; if it says nothing, why, and what the store says, if that can be read.
    ///
    /// - Throws: `unavailable` if there is neither a service nor a store.
    public func report() throws -> (report: StatusReport, source: Source) {
        do {
            let response = try UnixHTTPClient(
                path: paths.statusSocket, timeout: Self.patience, start: paths.startCommand
            ).send("GET", "/v1/status")
            return (try response.decoded(StatusReport.self), .service)
        } catch let failure as Failure where failure.code == .unavailable {
            let absence = try absence(failure)
            var report = StatusReport(phase: .down, pipelines: [], warnings: [])
            do {
                let reader = try StoreReader.open(path: paths.store)
                defer { try? reader.close() }
                report = try StatusReport(store: reader)
                report.advise(from: reader, paths: paths)
            } catch let failure as Failure {
                // Of another version, damaged, or not to be read by this user: that too is an answer.
                report.storeProblem = StatusReport.Problem(failure)
                report.advise(from: nil, paths: paths)
            }
            report.absence = absence
            report.adviseOnConfiguration(paths: paths)
            return (report, .store(absence))
        }
    }

    public func jobs(_ filter: JobFilter = JobFilter()) throws -> (jobs: [JobRecord], source: Source) {
        // Seconds of work with millions of jobs: nobody else's question shall wait behind it.
        if filter.isSearch, let reader = try? StoreReader.open(path: paths.store) {
            defer { try? reader.close() }
            return (try reader.jobs(filter), .search)
        }
        let (list, source) = try ask("/v1/jobs?\(filter.query)", JobList.self) { JobList(jobs: try $0.jobs(filter)) }
        return (list.jobs, source)
    }

    /// Jobs from where another answer came: a service that did not give that one is not waited for again.
    public func jobs(_ filter: JobFilter, from source: Source) throws -> [JobRecord] {
        if source == .service { return try jobs(filter).jobs }
        let reader = try StoreReader.open(path: paths.store)
        defer { try? reader.close() }
        return try reader.jobs(filter)
    }

    /// - Throws: `not_found` for an unknown job.
    public func job(_ id: JobID) throws -> (history: JobHistory, source: Source) {
        try ask("/v1/jobs/\(id)", JobHistory.self) { try JobHistory(of: id, from: $0) }
    }

    public func queue() throws -> (queue: QueueReport, source: Source) {
        try ask("/v1/queue", QueueReport.self) { QueueReport(try $0.queueAges()) }
    }

    /// Rows after a cursor; there are no more at present when `next` is that cursor.
    public func results(
        after seq: Int64 = 0, limit: Int = 1_000, job: JobID? = nil, pipeline: String? = nil
    ) throws -> (page: ResultPage, source: Source) {
        var query = ["after=\(seq)", "limit=\(limit)"]
        if let job { query.append("job=\(job)") }
        if let pipeline { query.append("pipeline=\(pipeline)") }
        return try ask("/v1/results?\(query.joined(separator: "&"))", ResultPage.self) { reader in
            try ResultPage(reader: reader, after: seq, limit: limit, job: job, pipeline: pipeline)
        }
    }

    private func ask<Answer: Decodable>(
        _ target: String, _ type: Answer.Type, store fallback: (StoreReader) throws -> Answer
    ) throws -> (Answer, Source) {
        do {
            let response = try UnixHTTPClient(path: paths.statusSocket, start: paths.startCommand)
                .send("GET", target)
            return (try response.decoded(type), .service)
        } catch let failure as Failure where failure.code == .unavailable {
            let absence = try absence(failure)
            let reader = try StoreReader.open(path: paths.store)
            defer { try? reader.close() }
            return (try fallback(reader), .store(absence))
        }
    }

    /// Why nobody answered.
    ///
    /// - Throws: `unavailable` where there is no store to turn to either.
    private func absence(_ failure: Failure) throws -> Absence {
        let absence = Absence(paths: paths)
        guard FileManager.default.fileExists(atPath: paths.store) else {
            throw absence.kind == .down ? failure : Failure(.unavailable, absence.message, cause: failure.cause)
        }
        return absence
    }
}

extension UnixHTTPClient.Response {
    func decoded<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        do {
            // Others ask it much, and its answer is no JSON then.
            guard status != 503 || body.first == UInt8(ascii: "{") else {
                throw Failure(.unavailable, "the service has no time to answer: ask again in a moment.")
            }
            guard status == 200 else { throw try JSONDecoder().decode(ErrorReport.self, from: body).failure }
            return try JSONDecoder().decode(type, from: body)
        } catch let error as DecodingError {
            throw Failure(
                .ioError, "the service's answer (HTTP \(status)) is not understood: is it of another version?",
                cause: "\(error)")
        }
    }
}
