import Dynamics

extension Refiner {
    /// Above this `|x(T)|` a solution has left the unit vectors so far behind that its direction means nothing.
    static let divergence = 1_000.0

    /// Refines one tile: unit vectors, initial velocity, solution, mixing, logits.
    func refine(
        _ embeddings: UnsafePointer<Float>, velocity: UnsafePointer<Float>?, rows: Int, in memory: inout TileMemory
    ) {
        solve(embeddings, velocity: velocity, rows: rows, in: &memory)
        classify(rows: rows, in: &memory)
    }

    /// From embeddings to `x(T)`, at `memory.position`, and its mixture with `x0`.
    ///
    /// A row that is not usable is computed as zeros, so that all rows cost the same and none can harm another.
    func solve(
        _ embeddings: UnsafePointer<Float>, velocity: UnsafePointer<Float>?, rows: Int, in memory: inout TileMemory
    ) {
        let d = configuration.dimension
        let x0 = memory.base + Tile<Float>.count(d)
        for row in 0..<rows {
            memory.statuses[row] = normalise(
                embeddings + row * d, into: x0 + row * Float.panel, scratch: memory.vectors)
        }
        let velocity = velocity.map { finite($0, rows: rows, in: &memory) }
        memory.position = solution.solve(rows: rows, velocity: velocity, memory: memory.base)
    }

    /// From the mixture to refined unit vectors, in its place, and their logits.
    private func classify(rows: Int, in memory: inout TileMemory) {
        for row in 0..<rows {
            let y = memory.base + row * Float.panel
            memory.statuses[row] = normalise(y, position: y + memory.position, memory.statuses[row])
        }
        classifier.evaluate(rows: rows, memory: memory.base)
        for row in 0..<rows where memory.statuses[row] == .ok {
            let logits = memory.base + classifier.logits + row * Float.panel
            if !Float.sumOfSquares(tile: logits, count: classes.count).isFinite {
                memory.statuses[row] = .diverged
                clear(memory.base + row * Float.panel)
            }
        }
    }

    /// `x0 = (e - mean) / |e - mean|`, into a tile's row.
    private func normalise(
        _ embedding: UnsafePointer<Float>, into x0: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) -> RowStatus {
        let d = configuration.dimension
        var vector = embedding
        if let inputMean {
            scratch.update(from: embedding, count: d)
            Float.add(inputMean, times: -1, into: scratch, count: d)
            vector = UnsafePointer(scratch)
        }
        // In double precision the sum of squares of finite Floats never overflows or vanishes.
        let norm = Float.sumOfSquares(vector, count: d).squareRoot()
        guard norm.isFinite, norm >= Double(Float.leastNormalMagnitude) else {
            clear(x0)
            return norm.isFinite ? .zeroNorm : .nonFinite
        }
        Float.spread(vector, times: Float(1 / norm), into: x0, count: d)
        return .ok
    }

    /// A copy of the supplied velocity with zeros for rows that are not finite.
    private func finite(
        _ velocity: UnsafePointer<Float>, rows: Int, in memory: inout TileMemory
    ) -> UnsafePointer<Float> {
        let d = configuration.dimension
        memory.vectors.update(from: velocity, count: rows * d)
        for row in 0..<rows where !Float.sumOfSquares(memory.vectors + row * d, count: d).isFinite {
            (memory.vectors + row * d).update(repeating: 0, count: d)
            if memory.statuses[row] == .ok { memory.statuses[row] = .nonFinite }
        }
        return UnsafePointer(memory.vectors)
    }

    /// `y = y / |y|`, unless the row or its `x(T)` cannot be used.
    private func normalise(
        _ y: UnsafeMutablePointer<Float>, position: UnsafePointer<Float>, _ status: RowStatus
    ) -> RowStatus {
        let d = configuration.dimension
        guard status == .ok else {
            clear(y)
            return status
        }
        let norm = Float.sumOfSquares(tile: position, count: d).squareRoot()
        let mixed = UnsafePointer(y) == position ? norm : Float.sumOfSquares(tile: y, count: d).squareRoot()
        guard norm <= Self.divergence, mixed.isFinite, mixed >= Double(Float.leastNormalMagnitude) else {
            clear(y)
            return .diverged
        }
        Float.scale(tile: y, by: Float(1 / mixed), count: d)
        return .ok
    }

    /// Zeros for a tile's row.
    private func clear(_ row: UnsafeMutablePointer<Float>) {
        for panel in 0..<Tile<Float>.padded(configuration.dimension) / Float.panel {
            (row + panel * Tile<Float>.panelStride).update(repeating: 0, count: Float.panel)
        }
    }
}
