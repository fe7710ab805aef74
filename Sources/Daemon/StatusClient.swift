import Accounting
import Failures
import Foundation
import Pipelines

/// Asks how the service is doing, for the command line: over status.sock, or from the store if no service answers.
public struct StatusClient: Sendable {
    public enum Source: String, Sendable {
        case service
        /// No service answered: the store was read.
        case store
    }

    private let paths: ServicePaths

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// - Throws: `unavailable` if there is neither a service nor a store.
    public func report() throws -> (report: StatusReport, source: Source) {
        try ask("/v1/status", StatusReport.self) { try StatusReport(store: $0) }
    }

    public func jobs(_ filter: JobFilter = JobFilter()) throws -> (jobs: [JobRecord], source: Source) {
        var query = ["limit=\(filter.limit)"]
        if !filter.states.isEmpty { query.append("state=\(filter.states.map(\.rawValue).joined(separator: ","))") }
        if let pipeline = filter.pipeline { query.append("pipeline=\(pipeline)") }
        if let digest = filter.sha256 { query.append("sha256=\(digest)") }
        if let after = filter.after { query.append("after=\(after)") }
        if let before = filter.before { query.append("before=\(before)") }
        if filter.newestFirst { query.append("newest_first=1") }
        let (list, source) = try ask("/v1/jobs?\(query.joined(separator: "&"))", JobList.self) {
            JobList(jobs: try $0.jobs(filter))
        }
        return (list.jobs, source)
    }

    /// - Throws: `not_found` for an unknown job.
    public func job(_ id: JobID) throws -> (history: JobHistory, source: Source) {
        try ask("/v1/jobs/\(id)", JobHistory.self) {
            JobHistory(job: try $0.job(id), changes: try $0.changes(jobID: id))
        }
    }

    /// Rows after a cursor; there are no more at present when `next` is that cursor.
    public func results(
        after seq: Int64 = 0, limit: Int = 1_000, job: JobID? = nil, pipeline: String? = nil
    ) throws -> (page: ResultPage, source: Source) {
        var query = ["after=\(seq)", "limit=\(limit)"]
        if let job { query.append("job=\(job)") }
        if let pipeline { query.append("pipeline=\(pipeline)") }
        return try ask("/v1/results?\(query.joined(separator: "&"))", ResultPage.self) { reader in
            let page = try reader.page(after: seq, limit: limit, jobID: job, pipeline: pipeline)
            return ResultPage(results: page.results, next: page.next)
        }
    }

    private func ask<Answer: Decodable>(
        _ target: String, _ type: Answer.Type, store fallback: (StoreReader) throws -> Answer
    ) throws -> (Answer, Source) {
        do {
            let response = try UnixHTTPClient(path: paths.statusSocket).send("GET", target)
            return (try response.decoded(type), .service)
        } catch let failure as Failure where failure.code == .unavailable {
            guard FileManager.default.fileExists(atPath: paths.store) else { throw failure }
            let reader = try StoreReader.open(path: paths.store)
            defer { try? reader.close() }
            return (try fallback(reader), .store)
        }
    }
}

extension UnixHTTPClient.Response {
    func decoded<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        do {
            guard status == 200 else { throw try JSONDecoder().decode(ErrorReport.self, from: body).failure }
            return try JSONDecoder().decode(type, from: body)
        } catch let error as DecodingError {
            throw Failure(
                .ioError, "the service's answer (HTTP \(status)) is not understood: is it of another version?",
                cause: "\(error)")
        }
    }
}
