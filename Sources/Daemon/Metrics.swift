import Accounting
import Failures
import Foundation

/// The state of the service as Prometheus text. Counters begin with the service; what the store remembers is a gauge.
struct Metrics {
    let board: Board.State
    let report: StatusReport

    var text: String {
        var text = MetricsText()
        service(&text)
        pipelines(&text)
        work(&text)
        store(&text)
        if let process = ProcessFigures() { self.process(process, &text) }
        return text.text
    }

    private func service(_ text: inout MetricsText) {
        text.gauge("sono_build_info", "The version running.", [([("version", report.version ?? "")], 1)])
        text.gauge("sono_ready", "Whether work is taken in and computed.", report.phase == .ready ? 1 : 0)
        text.gauge(
            "sono_paused", "Whether intake pauses, and why.",
            [([("reason", report.paused?.code ?? "")], report.paused == nil ? 0 : 1)])
        text.gauge("sono_running_rows", "Rows of the batch being computed.", Double(report.running?.rows ?? 0))
        text.gauge("sono_running_rows_done", "Rows of it that are computed.", Double(report.running?.rowsDone ?? 0))
        text.gauge("sono_last_batch_rows_per_second", "Speed of the batch computed last.", report.rowsPerSecond)
    }

    private func pipelines(_ text: inout MetricsText) {
        let counted = report.pipelines.compactMap { pipeline in pipeline.counts.map { (pipeline.name, $0) } }
        text.gauge(
            "sono_pipeline_up", "Whether a configured pipeline runs.",
            report.pipelines.map { (Self.of($0.name), $0.state == .running ? 1 : 0) })
        text.gauge(
            "sono_pipeline_troubled", "Whether something is wrong with a pipeline's file, model or directories.",
            report.pipelines.map { (Self.of($0.name), $0.problem == nil ? 0 : 1) })
        text.gauge(
            "sono_incoming_files", "Files that are no jobs yet.",
            report.pipelines.map { (Self.of($0.name), Double($0.incoming)) })
        text.gauge(
            "sono_jobs", "Jobs in each state, as the store remembers them.",
            counted.flatMap { name, counts in
                JobState.allCases.map { state in
                    (Self.of(name) + [("state", state.rawValue)], Double(counts.jobs[state] ?? 0))
                }
            })
        text.gauge(
            "sono_waiting_rows", "Rows of jobs that are queued, running, retrying or held.",
            counted.map { (Self.of($0), Double($1.rowsWaiting)) })
        text.gauge(
            "sono_oldest_waiting_timestamp_seconds", "When the job that waits longest was claimed.",
            counted.compactMap { name, counts in
                counts.oldestWaitingSince.flatMap(Self.seconds).map { (Self.of(name), $0) }
            })
    }

    private func work(_ text: inout MetricsText) {
        let work = board.work.sorted { $0.key < $1.key }
        text.counter(
            "sono_batches_total", "Batches settled since the start.",
            ["done", "duplicate", "failed"].map { ([("outcome", $0)], Double(board.batches[$0] ?? 0)) })
        text.counter(
            "sono_rows_total", "Rows that became visible since the start, by status.",
            work.flatMap { name, done in
                [("ok", done.rowsOK), ("failed", done.rowsFailed)].map { status, rows in
                    (Self.of(name) + [("status", status)], Double(rows))
                }
            })
        text.counter(
            "sono_field_evaluations_total", "Evaluations of the field S since the start.",
            work.map { (Self.of($0.key), Double($0.value.evaluations)) })
        text.average(
            "sono_top_score", "The best class's score of rows that have one, since the start.",
            work.map { (Self.of($0.key), $0.value.topScores, $0.value.rowsOK) })
        text.counter(
            "sono_errors_total", "Failures since the start, those that passed included.",
            // Every code from the start, for a counter that begins with its first failure has not increased by it.
            FailureCode.allCases.sorted { $0.rawValue < $1.rawValue }
                .map { ([("code", $0.rawValue)], Double(board.errors[$0] ?? 0)) })
        text.histogram(
            "sono_stage_seconds", "Time of done batches by stage; refining includes classifying.",
            work.flatMap { name, done in
                WorkDone.Stage.allCases.compactMap { stage in
                    done.stages[stage].map { (Self.of(name) + [("stage", stage.rawValue)], $0) }
                }
            })
        text.gauge(
            "sono_last_success_timestamp_seconds", "When a batch was last done.",
            work.compactMap { name, done in done.lastSuccess.map { (Self.of(name), $0.timeIntervalSince1970) } })
        text.gauge(
            "sono_last_commit_timestamp_seconds", "When rows last became visible.",
            board.lastCommit?.timeIntervalSince1970)
        text.gauge(
            "sono_retention_last_success_timestamp_seconds", "When retention last came to its end.",
            board.lastRetention?.timeIntervalSince1970)
    }

    private func store(_ text: inout MetricsText) {
        text.gauge("sono_store_bytes", "Size of the database.", report.store.map { Double($0.databaseBytes) })
        text.gauge("sono_wal_bytes", "Size of its write-ahead log.", report.store.map { Double($0.walBytes) })
        text.gauge(
            "sono_wal_held", "Whether a reader has kept a large write-ahead log from being emptied for a minute.",
            report.walHeldSince == nil ? 0 : 1)
        text.gauge("sono_spool_free_bytes", "Free where batches come in.", report.spoolFreeBytes.map(Double.init))
        text.gauge("sono_state_free_bytes", "Free where results go.", report.stateFreeBytes.map(Double.init))
    }

    private func process(_ process: ProcessFigures, _ text: inout MetricsText) {
        text.counter("process_cpu_seconds_total", "Processor time, user and system.", [([], process.cpuSeconds)])
        text.gauge("process_resident_memory_bytes", "Resident memory.", Double(process.residentBytes))
        text.gauge("process_virtual_memory_bytes", "Address space.", Double(process.virtualBytes))
        text.gauge("process_open_fds", "Open file descriptors.", Double(process.openFiles))
        text.gauge("process_max_fds", "The most there may be.", Double(process.mostFiles))
        text.gauge("process_start_time_seconds", "When the process started.", process.started)
    }

    private static func of(_ pipeline: String) -> MetricsText.Labels { [("pipeline", pipeline)] }

    private static func seconds(_ text: String) -> Double? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))?.timeIntervalSince1970
    }
}
