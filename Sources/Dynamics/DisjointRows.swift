import Dispatch
import Foundation
import Synchronization

/// Rows shared out over threads as tiles of a fixed size.
///
/// Tiles are the same whatever the number of threads, and each row belongs to exactly one of them, so workers that write
/// only the rows of their tile never meet: no locks, and results that do not depend on scheduling.
public struct DisjointRows: Sendable {
    /// Rows to a tile: a multiple of every kernel's micro-tile, small enough for a whole integration to stay in cache.
    public static let tileRows = 48

    public let rows: Int
    public let tile: Int
    public let threads: Int

    /// - Parameter threads: nil for one to each core.
    public init(_ rows: Int, tile: Int = Self.tileRows, threads: Int? = nil) {
        precondition(rows >= 0 && tile > 0, "tiles have rows")
        self.rows = rows
        self.tile = tile
        self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
    }

    public var tiles: Int { (rows + tile - 1) / tile }

    /// Calls `body` once for every tile, on up to `threads` threads, and returns when all are done.
    ///
    /// - Parameters:
    ///   - scratch: makes the memory that one worker reuses from tile to tile.
    ///   - body: gets the rows of its tile; it may write what belongs to those rows and nothing else.
    public func forEachTile<Scratch: ~Copyable>(
        scratch: () -> Scratch, _ body: (Range<Int>, inout Scratch) -> Void
    ) {
        let next = Atomic<Int>(0)
        func work() {
            var memory = scratch()
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < tiles else { return }
                body(index * tile..<min(rows, (index + 1) * tile), &memory)
            }
        }
        let workers = min(threads, tiles)
        guard workers > 1 else { return workers == 1 ? work() : () }
        withoutActuallyEscaping(work) { work in
            let shared = DisjointWork(call: work)
            DispatchQueue.concurrentPerform(iterations: workers) { _ in shared.call() }
        }
    }
}

/// Work that several threads may do at once, though the compiler cannot see it: its closures capture plain pointers.
///
/// Sound because `forEachTile` hands every tile out exactly once, by an atomic counter, a body writes only the rows of its
/// tile, scratch memory is made by the worker that uses it, and `concurrentPerform` returns after the last worker.
private struct DisjointWork: @unchecked Sendable {
    let call: () -> Void
}
