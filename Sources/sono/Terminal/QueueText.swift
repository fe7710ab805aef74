import Accounting
import Daemon
import Foundation

/// What waits as a picture in text, as Postfix's qshape draws it: ages from left to right, a line for each pipeline.
struct QueueText {
    let queue: QueueReport
    /// Those that wait longest.
    let oldest: [JobRecord]
    let held: [JobRecord]
    let at: Date
    /// The options that lead to the same service.
    let suffix: String

    var text: String {
        guard !queue.pipelines.isEmpty || !held.isEmpty else { return "nothing waits" }
        return [table("batches", \.batches), table("rows", \.rows), longest, setAside].compactMap(\.self)
            .joined(separator: "\n\n")
    }

    private func table(_ title: String, _ counts: (QueueAges) -> [Int]) -> String? {
        guard !queue.pipelines.isEmpty else { return nil }
        var table = TextTable([(title, .left), ("total", .right)] + columns.map { ($0, .right) })
        let lines = queue.pipelines.map { (name: $0.pipeline, counts: counts($0)) }
        let sums = columns.indices.map { column in
            lines.reduce(0) { $0 + ($1.counts.indices.contains(column) ? $1.counts[column] : 0) }
        }
        for line in [(name: "TOTAL", counts: sums)] + lines {
            // An empty place is seen from afar, a nought has to be read.
            table.add(
                [line.name, Figures.grouped(line.counts.reduce(0, +))]
                    + line.counts.map { $0 == 0 ? "." : Figures.grouped($0) })
        }
        return table.text
    }

    /// `15 s`, `4 min`; the last one is for all that is older.
    private var columns: [String] {
        let bounds = queue.boundsSeconds.map { $0 < 60 ? "<\($0)s" : "<\($0 / 60)min" }
        return bounds + ["older"]
    }

    private var longest: String? {
        guard !oldest.isEmpty else { return nil }
        var table = TextTable([
            ("waits for", .right), ("job", .right), ("pipeline", .left), ("state", .left), ("rows", .right),
            ("file", .left), ("why", .left),
        ])
        for job in oldest {
            table.add([
                StatusReport.seconds(since: job.submittedAt, at: at).map(Figures.duration) ?? "", String(job.jobID),
                job.pipeline, job.state.rawValue, job.rows.map(Figures.grouped) ?? "-", job.fileName,
                job.errorCode ?? "",
            ])
        }
        return table.text
    }

    private var setAside: String? {
        held.isEmpty
            ? nil
            : "held by a person, not counted here: \(held.map { "\($0.jobID)" }.joined(separator: ", ")); "
                + "let one go on: sono release ID\(suffix)"
    }
}
