import Dynamics

extension ForwardTape {
    /// One step of a Nyström method. `velocity(step, 0)` keeps the `v` that the step begins with.
    func advance(_ scheme: SecondOrderScheme, _ weights: borrowing PackedWeights<S>, step: Int, rows: Int) {
        let count = rows * plan.dimension
        let h = plan.grid.step
        let start = velocity(step, 0)
        start.update(from: state, count: count)
        func move(
            _ y: UnsafeMutablePointer<S>, _ drift: Double, _ slopes: [Double]
        ) {
            add(start, times: S(drift), to: y, count: count)
            for (j, factor) in slopes.enumerated() where factor != 0 {
                add(slope(step, j), times: S(factor), to: y, count: count)
            }
        }
        for stage in 0..<plan.stages where plan.evaluates(step: step, stage: stage) {
            let here = position(step, stage)
            here.update(from: end, count: count)
            move(here, h * scheme.drifts[stage], scheme.stagePositions[stage].map { h * h * $0 })
            evaluate(weights, step: step, stage: stage, rows: rows)
        }
        move(end, h * scheme.drift, scheme.position.map { h * h * $0 })
        if step < plan.steps - 1 { move(state, scheme.retention - 1, scheme.velocity.map { h * $0 }) }
    }
}
