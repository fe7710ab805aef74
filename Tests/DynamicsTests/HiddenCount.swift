import Dynamics

/// The operations of the hidden-space form counted another way: which of `β`, `α` and each slope are zero or needed is
/// followed through the Runge-Kutta tableau on `[β, α]` as it stands, stage velocities and all.
struct HiddenCount {
    private(set) var operations = 0

    init(_ shape: HiddenShape, _ solver: Solver, steps: Int) {
        let (d, h) = (shape.dimension, shape.hidden)
        // The start and the end. v0 is as wide as D, or as the network that is folded in.
        var width = 0
        switch shape.start {
        case .zero: break
        case .supplied: width = d
        case .network(let g):
            width = min(g, d)
            // V1 and V2, wherever they are applied.
            operations += 4 * g * d
        }
        operations += 2 * d * h + 2 * h * d
        if shape.readsVelocity { operations += 2 * width * h }

        // (β, α) as flags of being other than zero; at order 1 β alone.
        var state = (false, false)
        // v0 has moved x everywhere but in the first stage of the first step.
        var readsDrift = false
        for step in 0..<steps {
            guard let tableau = solver.tableau else {
                guard let tableau = solver.nystrom else { continue }
                // Position alone: moved by α, or by a slope of this step; the first slope may be known from the last step.
                for stage in 0..<tableau.stages {
                    let moved = state.0 || (stage > 0 && state.1) || tableau.a[stage].contains { $0 != 0 }
                    // In the last step only what the end is made of: what it reads has no weight of zero here.
                    let isRead = step < steps - 1 || tableau.position[stage] != 0
                    guard isRead, step == 0 || stage > 0 || !tableau.reusesLastStage else { continue }
                    if step > 0 || stage > 0 { readsDrift = true }
                    if moved { operations += 2 * h * h }
                }
                state = (true, true)
                continue
            }
            var stages: [(Bool, Bool)] = []
            for stage in 0..<tableau.stages {
                let a = tableau.a[stage]
                let here =
                    shape.order == 2
                    ? (
                        state.0 || a.indices.contains { a[$0] != 0 && stages[$0].1 },
                        state.1 || a.contains { $0 != 0 }
                    ) : (state.0 || a.contains { $0 != 0 }, false)
                stages.append(here)
                let isRead =
                    step < steps - 1 || shape.order == 1 || tableau.stagesReachingPosition[stage]
                if isRead, step > 0 || a.contains(where: { $0 != 0 }) { readsDrift = true }
                if isRead { operations += 2 * h * h * ((here.0 ? 1 : 0) + (here.1 && shape.readsVelocity ? 1 : 0)) }
            }
            state = shape.order == 2 ? (state.0 || stages.contains { $0.1 }, true) : (true, false)
        }
        if readsDrift { operations += 2 * width * h }
    }
}
