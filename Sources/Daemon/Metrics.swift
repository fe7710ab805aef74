import Accounting
import Failures
import Foundation

/// The state of the service as Prometheus text.
struct Metrics {
    let board: Board.State
    let report: StatusReport

    var text: String {
        var lines: [String] = []
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Double)]) {
            guard !samples.isEmpty else { return }
            lines.append("# HELP sono_\(name) \(help)")
            lines.append("# TYPE sono_\(name) \(type)")
            for sample in samples {
                lines.append(
                    "sono_\(name)\(sample.labels.isEmpty ? "" : "{\(sample.labels)}") \(Self.text(sample.value))")
            }
        }
        func one(_ value: Double?) -> [(labels: String, value: Double)] { value.map { [("", $0)] } ?? [] }
        let counted = report.pipelines.compactMap { pipeline in pipeline.counts.map { (pipeline.name, $0) } }

        family("build_info", "gauge", "The version running.", [("version=\"\(report.version ?? "")\"", 1)])
        family("ready", "gauge", "Whether work is taken in and computed.", one(report.phase == .ready ? 1 : 0))
        family("paused", "gauge", "Whether intake pauses, as with a full disk.", one(report.paused == nil ? 0 : 1))
        family(
            "pipeline_up", "gauge", "Whether a configured pipeline runs.",
            report.pipelines.map { ("pipeline=\"\($0.name)\"", $0.state == .running ? 1 : 0) })
        family(
            "incoming_files", "gauge", "Files that are no jobs yet.",
            report.pipelines.map { ("pipeline=\"\($0.name)\"", Double($0.incoming)) })
        family(
            "jobs", "gauge", "Jobs in each state.",
            counted.flatMap { name, counts in
                JobState.allCases.map { state in
                    ("pipeline=\"\(name)\",state=\"\(state.rawValue)\"", Double(counts.jobs[state] ?? 0))
                }
            })
        family(
            "rows", "gauge", "Rows of done jobs by status, and rows that wait.",
            counted.flatMap { name, counts in
                [
                    ("pipeline=\"\(name)\",status=\"ok\"", Double(counts.rowsOK)),
                    ("pipeline=\"\(name)\",status=\"failed\"", Double(counts.rowsFailed)),
                    ("pipeline=\"\(name)\",status=\"waiting\"", Double(counts.rowsWaiting)),
                ]
            })
        family(
            "oldest_waiting_timestamp_seconds", "gauge", "When the job that waits longest was claimed.",
            counted.compactMap { name, counts in
                counts.oldestWaitingSince.flatMap(Self.seconds).map { ("pipeline=\"\(name)\"", $0) }
            })
        family(
            "batches_total", "counter", "Batches settled since the start.",
            board.batches.sorted { $0.key < $1.key }.map { ("outcome=\"\($0.key)\"", Double($0.value)) })
        family(
            "errors_total", "counter", "Failures since the start, those that passed included.",
            board.errors.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { ("code=\"\($0.key.rawValue)\"", Double($0.value)) })
        family(
            "running_rows", "gauge", "Rows of the batch being computed.", one(report.running.map { Double($0.rows) }))
        family(
            "running_rows_done", "gauge", "Rows of it that are computed.",
            one(report.running.map { Double($0.rowsDone) }))
        family("last_batch_rows_per_second", "gauge", "Speed of the batch computed last.", one(report.rowsPerSecond))
        family(
            "last_commit_timestamp_seconds", "gauge", "When rows last became visible.",
            one(board.lastCommit?.timeIntervalSince1970))
        family("store_bytes", "gauge", "Size of the database.", one(report.store.map { Double($0.databaseBytes) }))
        family("wal_bytes", "gauge", "Size of its write-ahead log.", one(report.store.map { Double($0.walBytes) }))
        family(
            "start_timestamp_seconds", "gauge", "When the service started.", one(report.startedAt.flatMap(Self.seconds))
        )
        return lines.joined(separator: "\n") + "\n"
    }

    private static func seconds(_ text: String) -> Double? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))?.timeIntervalSince1970
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
