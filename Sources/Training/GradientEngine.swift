import Dynamics
import Refinement

/// Loss, gradient and logits of a model over batches, on several threads, with results that do not depend on how many.
///
/// Rows are cut into chunks of a fixed size. Every chunk has a gradient of its own, and these are added in the order of
/// the chunks, a fixed number at a time to bound the memory.
package struct GradientEngine<S: KernelScalar>: Sendable {
    package static var chunkRows: Int { 64 }
    private static var chunksAtATime: Int { 16 }

    package let layout: ParameterLayout
    private let plan: PassPlan
    private let prior: [S]?
    private let threads: Int?

    package init(_ model: Model<S>, threads: Int? = nil) {
        layout = ParameterLayout(model)
        plan = PassPlan(model)
        prior = model.prior
        self.threads = threads
    }

    /// The loss of all batches together and its gradient.
    ///
    /// - Parameter parameters: laid out by `layout`.
    package func gradient(_ parameters: [S], _ batches: [TrainingBatch<S>]) -> (loss: BatchLoss, gradient: [S]) {
        let weights = PackedWeights(parameters, layout: layout, plan: plan, prior: prior)
        var loss = BatchLoss()
        var total = [S](repeating: 0, count: layout.count)
        let rows = batches.reduce(0) { max($0, $1.rows) }
        let chunks = min((rows + Self.chunkRows - 1) / Self.chunkRows, Self.chunksAtATime)
        let partial = Workspace<S>(count: chunks * layout.count)
        for batch in batches { accumulate(batch, weights, partial.base, loss: &loss, gradient: &total) }
        if plan.isCosine { throughNormalisation(weights, gradient: &total) }
        return (loss, total)
    }

    private func accumulate(
        _ batch: TrainingBatch<S>, _ weights: borrowing PackedWeights<S>, _ partial: UnsafeMutablePointer<S>,
        loss: inout BatchLoss, gradient: inout [S]
    ) {
        let chunk = Self.chunkRows
        let wave = chunk * Self.chunksAtATime
        let count = layout.count
        var losses = [BatchLoss](repeating: BatchLoss(), count: Self.chunksAtATime)
        for first in stride(from: 0, to: batch.rows, by: wave) {
            let rows = min(wave, batch.rows - first)
            losses.withUnsafeMutableBufferPointer { losses in
                run(batch, first: first, rows: rows, weights, partial, losses)
            }
            for index in 0..<(rows + chunk - 1) / chunk {
                loss += losses[index]
                let part = partial + index * count
                gradient.withUnsafeMutableBufferPointer { total in
                    for i in 0..<count { total[i] += part[i] }
                }
            }
        }
    }

    private func run(
        _ batch: TrainingBatch<S>, first: Int, rows: Int, _ weights: borrowing PackedWeights<S>,
        _ partial: UnsafeMutablePointer<S>, _ losses: UnsafeMutableBufferPointer<BatchLoss>
    ) {
        let chunk = Self.chunkRows
        let count = layout.count
        let d = plan.dimension
        batch.start.withUnsafeBufferPointer { start in
            batch.labels.withUnsafeBufferPointer { labels in
                batch.weights.withUnsafeBufferPointer { rowWeights in
                    batch.penalties.withUnsafeBufferPointer { penalties in
                        withOptionalPointer(batch.velocity) { velocity in
                            withOptionalPointer(batch.displacements) { displacements in
                                withOptionalPointer(batch.targets) { targets in
                                    guard let start = start.baseAddress, let labels = labels.baseAddress,
                                        let rowWeights = rowWeights.baseAddress, let penalties = penalties.baseAddress
                                    else { return }
                                    DisjointRows(rows, tile: chunk, threads: threads).forEachTile {
                                        ChunkMemory<S>(plan: plan, layout: layout, capacity: min(chunk, rows))
                                    } _: { tile, memory in
                                        let row = first + tile.lowerBound
                                        let index = tile.lowerBound / chunk
                                        let gradient = partial + index * count
                                        gradient.update(repeating: 0, count: count)
                                        memory.tape.run(
                                            weights, start: start + row * d,
                                            initialVelocity: velocity.map { $0 + row * d }, rows: tile.count)
                                        losses[index] = memory.backward.run(
                                            memory.tape, weights, start: start + row * d,
                                            hasSuppliedVelocity: velocity != nil, labels: labels + row,
                                            rowWeights: rowWeights + row, penalties: penalties + row,
                                            displacements: displacements.map { $0 + row * d },
                                            targets: targets.map { $0 + row * plan.classes }, rows: tile.count,
                                            into: gradient)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// From the gradient of the unit directions `w/|w|` to that of the stored rows `w`.
    private func throughNormalisation(_ weights: borrowing PackedWeights<S>, gradient: inout [S]) {
        let d = plan.dimension
        let first = layout[.classifierWeight].lowerBound
        gradient.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for row in 0..<plan.classes {
                let part = base + first + row * d
                let direction = weights.classifierDirection(row, dimension: d)
                let along = S(S.dot(part, direction, count: d))
                let factor = 1 / weights.classifierNorms[row]
                for i in 0..<d { part[i] = (part[i] - direction[i] * along) * factor }
            }
        }
    }

    /// Logits, `[n, C]`, and x(T), `[n, D]`, of unit rows.
    package func forward(
        _ parameters: [S], start: [S], velocity: [S]? = nil
    ) -> (logits: [S], end: [S]) {
        let (d, c) = (plan.dimension, plan.classes)
        let rows = start.count / max(1, d)
        let weights = PackedWeights(parameters, layout: layout, plan: plan, prior: prior)
        var logits = [S](repeating: 0, count: rows * c)
        var end = [S](repeating: 0, count: rows * d)
        logits.withUnsafeMutableBufferPointer { logits in
            end.withUnsafeMutableBufferPointer { end in
                start.withUnsafeBufferPointer { start in
                    withOptionalPointer(velocity) { velocity in
                        guard let start = start.baseAddress, let logits = logits.baseAddress,
                            let end = end.baseAddress
                        else { return }
                        DisjointRows(rows, tile: Self.chunkRows, threads: threads).forEachTile {
                            ForwardTape<S>(plan: plan, capacity: min(Self.chunkRows, rows))
                        } _: { tile, tape in
                            let row = tile.lowerBound
                            tape.run(
                                weights, start: start + row * d, initialVelocity: velocity.map { $0 + row * d },
                                rows: tile.count)
                            (logits + row * c).update(from: tape.logits, count: tile.count * c)
                            (end + row * d).update(from: tape.end, count: tile.count * d)
                        }
                    }
                }
            }
        }
        return (logits, end)
    }
}

/// What one thread needs for a chunk.
private struct ChunkMemory<S: KernelScalar>: ~Copyable {
    let tape: ForwardTape<S>
    let backward: BackwardPass<S>

    init(plan: PassPlan, layout: ParameterLayout, capacity: Int) {
        tape = ForwardTape(plan: plan, capacity: capacity)
        backward = BackwardPass(plan: plan, layout: layout, capacity: capacity)
    }
}

private func withOptionalPointer<S, R>(_ values: [S]?, _ body: (UnsafePointer<S>?) -> R) -> R {
    guard let values else { return body(nil) }
    return values.withUnsafeBufferPointer { body($0.baseAddress) }
}
