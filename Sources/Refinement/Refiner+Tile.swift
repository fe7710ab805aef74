import Dynamics

extension Refiner {
    /// Above this `|x(T)|` a solution has left the unit vectors so far behind that its direction means nothing.
    static let divergence = 1_000.0

    /// Refines one tile: unit vectors, initial velocity, integration, mixing, logits.
    func refine(
        _ embeddings: UnsafePointer<Float>, velocity: UnsafePointer<Float>?, rows: Int, in memory: inout TileMemory
    ) {
        solve(embeddings, velocity: velocity, rows: rows, in: &memory)
        classify(rows: rows, in: &memory)
    }

    /// From embeddings to `x(T)` in `memory.y`.
    ///
    /// A row that is not usable is computed as zeros, so that all rows cost the same and none can harm another.
    func solve(
        _ embeddings: UnsafePointer<Float>, velocity: UnsafePointer<Float>?, rows: Int, in memory: inout TileMemory
    ) {
        let d = configuration.dimension
        let count = rows * d
        for row in 0..<rows {
            memory.statuses[row] = normalise(embeddings + row * d, into: memory.x0 + row * d)
        }
        memory.y.update(from: memory.x0, count: count)

        if let integrator, let field {
            if configuration.order == 2 { start(velocity, rows: rows, in: &memory) }
            integrator.integrate(
                field, position: memory.y, velocity: configuration.order == 2 ? memory.v : nil, rows: rows,
                workspace: memory.scratch)
        }
    }

    /// From `x(T)` to the refined unit vectors in `memory.y` and their logits.
    private func classify(rows: Int, in memory: inout TileMemory) {
        let d = configuration.dimension
        for row in 0..<rows where memory.statuses[row] == .ok {
            memory.statuses[row] = mix(memory.x0 + row * d, into: memory.y + row * d)
        }
        classifier.evaluate(
            memory.y, start: memory.x0, rows: rows, scratch: memory.scratch, into: memory.logits)
        for row in 0..<rows {
            let logits = memory.logits + row * classes.count
            if memory.statuses[row] == .ok, !Float.sumOfSquares(logits, count: classes.count).isFinite {
                memory.statuses[row] = .diverged
            }
            if memory.statuses[row] != .ok { (memory.y + row * d).update(repeating: 0, count: d) }
        }
    }

    /// `x0 = (e - mean) / |e - mean|`
    private func normalise(_ embedding: UnsafePointer<Float>, into x0: UnsafeMutablePointer<Float>) -> RowStatus {
        let d = configuration.dimension
        x0.update(from: embedding, count: d)
        if let inputMean { Float.add(inputMean, times: -1, into: x0, count: d) }
        // In double precision the sum of squares of finite Floats never overflows or vanishes.
        let norm = Float.sumOfSquares(x0, count: d).squareRoot()
        guard norm.isFinite, norm >= Double(Float.leastNormalMagnitude) else {
            x0.update(repeating: 0, count: d)
            return norm.isFinite ? .zeroNorm : .nonFinite
        }
        Float.scale(x0, by: Float(1 / norm), into: x0, count: d)
        return .ok
    }

    /// The initial velocity: supplied, from the network, or zero.
    private func start(_ velocity: UnsafePointer<Float>?, rows: Int, in memory: inout TileMemory) {
        let d = configuration.dimension
        guard let velocity else {
            guard let initialVelocity else { return memory.v.update(repeating: 0, count: rows * d) }
            return initialVelocity.evaluate(memory.x0, rows: rows, scratch: memory.scratch, into: memory.v)
        }
        memory.v.update(from: velocity, count: rows * d)
        for row in 0..<rows where !Float.sumOfSquares(memory.v + row * d, count: d).isFinite {
            (memory.v + row * d).update(repeating: 0, count: d)
            if memory.statuses[row] == .ok { memory.statuses[row] = .nonFinite }
        }
    }

    /// `y = normalise(x0 + m (x(T) - x0))`, from `x(T)` in place.
    private func mix(_ x0: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) -> RowStatus {
        let d = configuration.dimension
        let norm = Float.sumOfSquares(y, count: d).squareRoot()
        guard norm <= Self.divergence else {
            y.update(repeating: 0, count: d)
            return .diverged
        }
        if configuration.mix != 1 {
            let m = Float(configuration.mix)
            Float.combine(y, [-1], [x0], into: y, count: d)
            Float.combine(x0, [m], [UnsafePointer(y)], into: y, count: d)
        }
        let mixed = Float.sumOfSquares(y, count: d).squareRoot()
        guard mixed.isFinite, mixed >= Double(Float.leastNormalMagnitude) else {
            y.update(repeating: 0, count: d)
            return .diverged
        }
        Float.scale(y, by: Float(1 / mixed), into: y, count: d)
        return .ok
    }
}
