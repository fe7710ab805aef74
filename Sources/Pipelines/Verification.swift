import Accounting
import Dynamics
import EmbeddingSets
import Failures
import Foundation
import Refinement
import Spooling
import TensorFiles

/// Recomputes a finished job from its kept input, with the model, solver, steps and form that it was computed with, and
/// compares every row as it is stored, bit for bit.
public struct Verification: Sendable {
    /// What is stored and what is computed now, where they differ.
    public struct Difference: Sendable, Codable, Equatable {
        public var row: Int
        /// The column: `status`, `class`, `score`, `margin`, `top_k`, `item_id`.
        public var column: String
        public var stored: String
        public var computed: String
    }

    public struct Report: Sendable, Codable {
        public var schema = "sono-verify/1"
        public var jobID: JobID
        public var rows: Int
        public var rowsDiffering: Int
        /// The first hundred.
        public var differences: [Difference]
        /// What can explain a difference, such as another kernel than then.
        public var notes: [String]
        public var isIdentical: Bool { rowsDiffering == 0 }

        public enum CodingKeys: String, CodingKey {
            case schema
            case jobID = "job_id"
            case rows
            case rowsDiffering = "rows_differing"
            case differences
            case notes
        }
    }

    private static let mostDifferences = 100
    private let reader: StoreReader
    private let paths: ServicePaths

    public init(reader: StoreReader, paths: ServicePaths) {
        self.reader = reader
        self.paths = paths
    }

    /// - Throws: `wrong_state` unless the job is done; `not_found` if its rows, its input or its model are no longer kept.
    public func verify(_ id: JobID) throws -> Report {
        let job = try reader.job(id)
        guard job.state == .done, let digest = job.sha256, let rows = job.rows else {
            throw Failure(.wrongState, "job \(id) is \(job.state.rawValue): only a done job has results to verify.")
        }
        if let removed = job.resultsRemovedAt {
            throw Failure(.notFound, "the rows of job \(id) were removed by retention at \(removed).")
        }
        let refiner = try refiner(for: job)
        let output = try BatchComputation(
            path: try keptInput(of: job), limits: .commandLine, refiner: refiner, topK: try topK(of: job, refiner)
        ).run(rows: rows, control: BatchControl(limit: .seconds(7 * 86_400)))
        guard output.sha256 == digest else {
            throw Failure(
                .notFound, "the kept input of job \(id) was altered: its digest is \(output.sha256).")
        }
        var report = Report(jobID: id, rows: rows, rowsDiffering: 0, differences: [], notes: [])
        if job.kernel != refiner.kernel {
            report.notes.append("computed then with kernel \(job.kernel ?? "?"), now with \(refiner.kernel)")
        }
        if job.form != refiner.form.rawValue {
            let now = refiner.form.rawValue
            report.notes.append("computed then in the \(job.form ?? "?") form, now in the \(now) form")
        }
        try compare(output, with: id, classes: refiner.classes, into: &report)
        return report
    }

    private func refiner(for job: JobRecord) throws -> Refiner {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: paths.keptModels)) ?? []
        guard let model = job.modelID,
            let file = names.first(where: { $0.hasPrefix(model) && $0.hasSuffix(".safetensors") })
        else {
            throw Failure(.notFound, "the model \(job.modelID ?? "") of job \(job.jobID) is no longer kept.")
        }
        let loaded = try ModelLibrary(paths: paths).kept(sha256: String(file.dropLast(".safetensors".count)))
        return try Refiner(
            model: loaded.model, solver: job.solver.flatMap(Solver.init(rawValue:)), steps: job.steps,
            form: job.form.flatMap(RefinementForm.init(rawValue:)))
    }

    /// done/JOB--NAME, under the name that was recorded: another store's jobs may have had the same numbers.
    private func keptInput(of job: JobRecord) throws -> String {
        let done = SpoolLayout(root: paths.spool, pipeline: job.pipeline).done
        if let removed = job.inputRemovedAt {
            throw Failure(
                .notFound, "the input of job \(job.jobID) was removed by retention from \(done) at \(removed).")
        }
        guard let name = try reader.filedName(of: job.jobID) else {
            throw Failure(
                .notFound, "the input of job \(job.jobID) is still on its way to \(done): try again in a moment.")
        }
        guard let text = String(validating: name, as: UTF8.self) else {
            throw Failure(.invalidArgument, "the name of job \(job.jobID)'s input is no UTF-8: it cannot be verified.")
        }
        let path = "\(done)/\(text)"
        var status = stat()
        if lstat(path, &status) == 0 { return path }
        let number = errno
        guard number == ENOENT || number == ENOTDIR else {
            throw Failure(
                .unreadable, "\(done) cannot be looked into: run `sono verify` as root or as the service's user.",
                cause: String(cString: strerror(number)))
        }
        if let successor = try reader.successor(of: job.jobID) {
            throw Failure(
                .notFound,
                "the input of job \(job.jobID) went on as job \(successor), by requeue: sono verify \(successor).")
        }
        throw Failure(.notFound, "the input of job \(job.jobID) is not in \(done): a person removed it.")
    }

    /// As many as the stored rows have; it is not recorded by itself.
    private func topK(of job: JobRecord, _ refiner: Refiner) throws -> Int {
        var after: Int64 = 0
        while true {
            let page = try reader.results(after: after, limit: 10_000, jobID: job.jobID)
            if let kept = page.lazy.compactMap({ $0.topK?.count }).first { return kept }
            guard let last = page.last else { return 1 }
            after = last.seq
        }
    }

    private func compare(
        _ output: BatchComputation.Output, with id: JobID, classes: [String], into report: inout Report
    ) throws {
        var after: Int64 = 0
        var next = 0
        while true {
            let page = try reader.results(after: after, limit: 10_000, jobID: id)
            guard let last = page.last else { break }
            after = last.seq
            for stored in page {
                let found = differences(stored, output, row: next, classes: classes)
                if !found.isEmpty {
                    report.rowsDiffering += 1
                    report.differences += found.prefix(Self.mostDifferences - report.differences.count)
                }
                next += 1
            }
        }
        if next != output.columns.rows {
            report.rowsDiffering += abs(next - output.columns.rows)
            report.notes.append("\(next) rows are stored, \(output.columns.rows) are in the input")
        }
    }

    private func differences(
        _ stored: ResultRecord, _ output: BatchComputation.Output, row: Int, classes: [String]
    ) -> [Difference] {
        guard row < output.columns.rows else { return [] }
        var found: [Difference] = []
        func compare(_ column: String, _ old: String, _ new: String) {
            if old != new { found.append(Difference(row: row, column: column, stored: old, computed: new)) }
        }
        let columns = output.columns
        compare("row", "\(stored.row)", "\(row)")
        compare("item_id", stored.itemID, output.ids.text(row))
        compare("status", stored.status, columns.statuses[row].name)
        guard columns.statuses[row] == .ok, stored.status == RowStatus.ok.name else { return found }
        let kept = row * columns.topK..<(row + 1) * columns.topK
        compare("class", stored.class.map { "\($0)" } ?? "", "\(columns.topClasses[kept.lowerBound])")
        // Compared as Float: what is stored is the shortest decimal of a Float, or its exact value as Double.
        compare("score", Self.text(stored.score), "\(columns.topScores[kept.lowerBound])")
        compare("margin", Self.text(stored.margin), "\(columns.margins[row])")
        let old = (stored.topK ?? []).map { "\($0.label) \(Float($0.score))" }
        let new = kept.map { "\(classes[Int(columns.topClasses[$0])]) \(columns.topScores[$0])" }
        compare("top_k", old.joined(separator: ", "), new.joined(separator: ", "))
        return found
    }

    private static func text(_ value: Double?) -> String { value.map { "\(Float($0))" } ?? "" }
}
