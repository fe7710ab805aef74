import Dynamics

extension BackwardPass {
    /// Back through one step of a Nyström method. With `x̄`, `v̄` for the adjoints of where the step ends, it begins with
    ///
    ///     f̄[i] = h² b̄[i] x̄ + h b[i] v̄        v̄ = d h x̄ + r v̄
    ///
    /// and stage `i`, from the last to the first, gives
    ///
    ///     x̄[i] = (f̄[i] W2 ∘ act'(u)) Wx        x̄ += x̄[i]        v̄ += d[i] h x̄[i]        f̄[j] += h² ā[i][j] x̄[i]
    ///
    /// Each coefficient is a function of the damping: what it multiplies, times its derivative, is the damping's share.
    func nystromStep(
        _ step: Int, _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>, rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) {
        guard let (scheme, slope) = weights.nystrom else { return }
        let count = rows * plan.dimension
        let h = plan.grid.step
        let start = tape.velocity(step, 0)
        var dampingAdjoint = 0.0
        /// The damping's share by way of a place that was moved by `drift v + Σ slopes[j] f[j]`.
        func share(_ adjoint: UnsafePointer<S>, _ drift: Double, _ slopes: [Double]) -> Double {
            slopes.enumerated().reduce(drift == 0 ? 0 : drift * S.dot(adjoint, start, count: count)) {
                let (j, factor) = $1
                return factor == 0 ? $0 : $0 + factor * S.dot(adjoint, tape.slope(step, j), count: count)
            }
        }

        let isLast = step == plan.steps - 1
        dampingAdjoint += share(positionAdjoint, h * slope.drift, slope.position.map { h * h * $0 })
        if !isLast { dampingAdjoint += share(velocityAdjoint, slope.retention, slope.velocity.map { h * $0 }) }
        for stage in 0..<plan.stages where plan.evaluates(step: step, stage: stage) {
            let (x, v) = (S(h * h * scheme.position[stage]), S(h * scheme.velocity[stage]))
            let adjoint = slopeAdjoint(stage)
            for i in 0..<count { adjoint[i] = x * positionAdjoint[i] + v * velocityAdjoint[i] }
        }
        let (drift, retention) = (S(h * scheme.drift), S(scheme.retention))
        for i in 0..<count { velocityAdjoint[i] = drift * positionAdjoint[i] + retention * velocityAdjoint[i] }

        for stage in (0..<plan.stages).reversed() where plan.evaluates(step: step, stage: stage) {
            field(step, stage, tape, weights, rows: rows, into: gradient)
            add(stagePosition, times: 1, to: positionAdjoint, count: count)
            add(stagePosition, times: S(h * scheme.drifts[stage]), to: velocityAdjoint, count: count)
            for (j, factor) in scheme.stagePositions[stage].enumerated() where factor != 0 {
                add(stagePosition, times: S(h * h * factor), to: slopeAdjoint(j), count: count)
            }
            dampingAdjoint += share(
                stagePosition, h * slope.drifts[stage], slope.stagePositions[stage].map { h * h * $0 })
        }
        gradient[layout[.damping].lowerBound] += S(dampingAdjoint)
    }
}
