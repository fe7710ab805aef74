import Accounting
import Dispatch
import Foundation

/// Adds to the board what each finished batch took, as the store has it: on a queue of its own, so that no batch waits for
/// those who ask the store.
final class WorkRecorder: Sendable {
    private let board: Board
    private let reader: StoreReader
    private let queue = DispatchQueue(label: "sono.work")

    init(board: Board, reader: StoreReader) {
        self.board = board
        self.reader = reader
    }

    func record(_ id: JobID) {
        queue.async { [board, reader] in
            // One that cannot be read is missed by the metrics, and by nothing else.
            guard let job = try? reader.job(id) else { return }
            board.update { state in
                let pipeline = try? state.pipelines[job.pipeline]?.get()
                state.work[job.pipeline, default: WorkDone()].add(
                    job, evaluations: pipeline?.refiner.evaluations ?? 0, at: Date())
            }
        }
    }

    func waitUntilRecorded() { queue.sync {} }
}
