import Dispatch
import EmbeddingSets
import Failures
import Foundation
import Refinement
import Spooling
import Synchronization
import TensorFiles

/// Step 4 of a batch's life: decode, refine and classify a file in chunks; results in compact columns.
///
/// One thread decodes the next chunk while all cores refine the present one. Resident besides the model: four chunks of
/// Float rows and about 40 bytes a row.
package struct BatchComputation {
    /// Rows of a chunk, at most.
    private static let mostChunkRows = 4_096
    /// Floating-point operations that a core does in about ten seconds. A batch can be stopped, and shows that it makes
    /// progress, between two chunks.
    private static let mostChunkWork = 2e11

    let path: String
    /// What messages call the file, if not by its path.
    var name: String?
    let limits: FileLimits
    let refiner: Refiner
    let topK: Int

    /// So many that a chunk takes seconds, however many steps a model makes. A row's result does not depend on it.
    private var chunkRows: Int {
        let work = Double(max(refiner.operations, refiner.operationsWithVelocity, 1))
        let cores = Double(ProcessInfo.processInfo.activeProcessorCount)
        return max(1, Int(min(Double(Self.mostChunkRows), cores * Self.mostChunkWork / work)))
    }

    package struct Output: Sendable {
        package let columns: ResultColumns
        package let ids: ItemIDs
        /// Of the bytes that were decoded.
        package let sha256: String
        package let decodeSeconds: Double
        package let refineSeconds: Double

        package init(
            columns: ResultColumns, ids: ItemIDs, sha256: String, decodeSeconds: Double, refineSeconds: Double
        ) {
            self.columns = columns
            self.ids = ids
            self.sha256 = sha256
            self.decodeSeconds = decodeSeconds
            self.refineSeconds = refineSeconds
        }
    }

    /// - Parameters:
    ///   - rows: as the first pass counted them.
    ///   - refined: receives the unit vectors `[n, D]` of each chunk, in order; nil saves the work.
    ///   - control: asked after each chunk.
    /// - Throws: `dimension_mismatch` or `encoder_mismatch` before the first chunk: the model may be another than the one
    ///   that the first pass knew.
    func run(
        rows: Int, control: BatchControl, refined: ((UnsafeBufferPointer<Float>) throws -> Void)? = nil
    ) throws -> Output {
        let relay = ChunkRelay()
        let model = refiner.configuration
        let (path, name, limits, chunkRows) = (path, name, limits, chunkRows)
        let decoding = Decoding(into: relay) { put in
            // Tensors may stand before the embeddings: reading over them is progress too.
            try EmbeddingSetFile.stream(
                path: path, name: name, limits: limits, chunkRows: chunkRows, progress: { try control.advance() },
                check: { try $0.checkCompatible(dimension: model.dimension, encoder: model.encoder) }, body: put)
        }
        var columns = ResultColumns(topK: min(topK, refiner.classes.count), capacity: rows)
        var vectors = [Float]()
        var spent = Duration.zero
        do {
            while let chunk = relay.take() {
                let began = Monotonic.now
                if refined != nil, vectors.count != chunk.embeddings.count {
                    vectors = [Float](repeating: 0, count: chunk.embeddings.count)
                }
                vectors.withUnsafeMutableBufferPointer { buffer in
                    refine(chunk, into: &columns, vectors: refined == nil ? nil : buffer)
                }
                spent += Monotonic.now - began
                if let refined { try vectors.withUnsafeBufferPointer(refined) }
                let done = chunk.rows
                relay.giveBack(chunk)
                try control.advance(rows: done)
            }
        } catch {
            relay.abandon()
            _ = decoding.wait()
            throw error
        }
        let (read, decodeTime) = try decoding.wait().get()
        return Output(
            columns: columns, ids: read.ids, sha256: read.inspection.sha256, decodeSeconds: decodeTime.seconds,
            refineSeconds: spent.seconds)
    }

    private func refine(
        _ chunk: ChunkRelay.Chunk, into columns: inout ResultColumns, vectors: UnsafeMutableBufferPointer<Float>?
    ) {
        chunk.embeddings.withUnsafeBufferPointer { embeddings in
            if let velocity = chunk.velocity {
                velocity.withUnsafeBufferPointer { velocity in
                    refiner.run(
                        embeddings: embeddings, velocity: velocity, rows: chunk.rows, into: &columns, refined: vectors)
                }
            } else {
                refiner.run(embeddings: embeddings, rows: chunk.rows, into: &columns, refined: vectors)
            }
        }
    }
}

/// The second pass over a file, on a thread of its own.
private final class Decoding: Sendable {
    private let result = Mutex<Result<(EmbeddingSetRead, Duration), any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(
        into relay: ChunkRelay,
        read: @escaping @Sendable ((EmbeddingChunk) throws -> Void) throws -> EmbeddingSetRead
    ) {
        DispatchQueue(label: "sono.decode").async { [self] in
            let began = Monotonic.now
            var waited = Duration.zero
            let outcome = Result {
                let read = try read { chunk in
                    let before = Monotonic.now
                    try relay.put(chunk)
                    waited += Monotonic.now - before
                }
                return (read, Monotonic.now - began - waited)
            }
            result.withLock { $0 = outcome }
            relay.finish()
            done.signal()
        }
    }

    func wait() -> Result<(EmbeddingSetRead, Duration), any Error> {
        done.wait()
        return result.withLock { $0 } ?? .failure(Failure(.internal, "decoding ended without a result: report this."))
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
