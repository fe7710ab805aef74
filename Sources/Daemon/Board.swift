import Accounting
import Failures
import Foundation
import Pipelines
import Synchronization

/// What the threads of the service tell about themselves, for status, metrics and the STATUS line.
package final class Board: Sendable {
    package struct State {
        var phase = StatusReport.Phase.starting
        /// Configured pipelines by name: what runs, and what is wrong.
        var pipelines: [String: Result<Pipeline, Failure>] = [:]
        /// Why a running pipeline's newest configuration was not taken.
        var refusedReloads: [String: Failure] = [:]
        /// Trouble with a pipeline's directories.
        var spoolTrouble: [String: Failure] = [:]
        /// Why intake pauses.
        var paused: Failure?
        /// Files in incoming/, and claimed ones that are not jobs yet.
        var incoming: [String: Int] = [:]
        package var running: Running?
        var lastCommit: Date?
        var batches: [String: Int] = [:]
        package var errors: [FailureCode: Int] = [:]
        var rowsPerSecond: Double?
        /// What each pipeline has done.
        package var work: [String: WorkDone] = [:]
        var lastRetention: Date?
        /// Since when a reader has kept a large WAL from being emptied.
        var walHeldSince: Date?

        /// What each configured pipeline wants to keep, as it runs.
        var retention: Retention.Wishes { pipelines.mapValues { $0.map(\.configuration.retention) } }
    }

    package struct Running {
        package let job: QueuedJob
        package let control: BatchControl
        let since: Date
    }

    let startedAt = Date()

    package init() {}

    private let state = Mutex(State())

    func update<Value>(_ body: (inout sending State) -> sending Value) -> sending Value { state.withLock(body) }

    package var snapshot: State { state.withLock { $0 } }

    func count(error: FailureCode) { state.withLock { $0.errors[error, default: 0] += 1 } }
}
