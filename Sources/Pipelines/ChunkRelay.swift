import Dispatch
import EmbeddingSets
import Synchronization

/// Hands chunks from the thread that decodes to the thread that refines, two at most, so that both work at once in
/// bounded memory.
///
/// The buffers go round: a chunk is copied into one, taken, and the buffer given back.
final class ChunkRelay: Sendable {
    struct Chunk: Sendable {
        var rows = 0
        var embeddings: [Float] = []
        var velocity: [Float]?
    }

    /// The consumer has gone; the producer should end.
    struct Abandoned: Error {}

    private struct State {
        var filled: [Chunk] = []
        var free: [Chunk] = [Chunk(), Chunk()]
        var isFinished = false
        var isAbandoned = false
    }

    private let state = Mutex(State())
    private let filledCount = DispatchSemaphore(value: 0)
    private let freeCount = DispatchSemaphore(value: 0)

    init() {
        // Not its first value: a semaphore must not be below that when it goes, and an abandoned one would be.
        for _ in 0..<2 { freeCount.signal() }
    }

    /// Copies a chunk in, after waiting for a free buffer.
    ///
    /// - Throws: `Abandoned` when nobody will take it.
    func put(_ chunk: EmbeddingChunk) throws {
        freeCount.wait()
        var buffer = try state.withLock { state in
            if state.isAbandoned { throw Abandoned() }
            return state.free.removeLast()
        }
        buffer.rows = chunk.rows
        Self.copy(chunk.embeddings, into: &buffer.embeddings)
        if let source = chunk.velocity {
            var velocity = buffer.velocity ?? []
            buffer.velocity = nil
            Self.copy(source, into: &velocity)
            buffer.velocity = velocity
        }
        state.withLock { $0.filled.append(buffer) }
        filledCount.signal()
    }

    /// No more chunks will come.
    func finish() {
        state.withLock { $0.isFinished = true }
        filledCount.signal()
    }

    /// The next chunk; nil at the end.
    func take() -> Chunk? {
        filledCount.wait()
        return state.withLock { $0.filled.isEmpty ? nil : $0.filled.removeFirst() }
    }

    func giveBack(_ chunk: consuming Chunk) {
        let buffer = chunk
        state.withLock { $0.free.append(buffer) }
        freeCount.signal()
    }

    /// No more chunks will be taken; releases a producer that waits.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        freeCount.signal()
    }

    private static func copy(_ source: UnsafeBufferPointer<Float>, into target: inout [Float]) {
        target.removeAll(keepingCapacity: true)
        target.append(contentsOf: source)
    }
}
