import Dynamics
import Glibc

/// The way back over a tape: the loss of a chunk and its gradient with respect to every parameter.
///
/// Each line transposes a line of the forward pass. With `ḡ` for the adjoint of `g`, a step's adjoints begin as
/// `v̄[i] = h b[i] x̄`, `s̄[i] = h b[i] v̄`, and stage `i`, from the last to the first, gives
///
///     ū = (s̄[i] W2) ∘ act'(u)        x̄[i] = ū Wx        v̄[i] += ū Wv - γ s̄[i]
///     x̄ += x̄[i]      v̄ += v̄[i]      v̄[j] += h a[i][j] x̄[i]      s̄[j] += h a[i][j] v̄[i]
///
/// At order 1 `s̄` takes the place of `v̄`. Source: reverse mode through Runge-Kutta, Hager, Numerische Mathematik 87 (2000).
struct BackwardPass<S: KernelScalar>: ~Copyable {
    let plan: PassPlan
    let layout: ParameterLayout
    private let memory: Workspace<S>
    private let stateCount: Int
    private let unitsCount: Int

    init(plan: PassPlan, layout: ParameterLayout, capacity: Int) {
        self.plan = plan
        self.layout = layout
        stateCount = capacity * plan.dimension
        unitsCount = capacity * max(plan.hidden, plan.networkHidden)
        memory = Workspace(count: (4 + 2 * plan.stages) * stateCount + unitsCount)
    }

    var positionAdjoint: UnsafeMutablePointer<S> { memory.base }
    var velocityAdjoint: UnsafeMutablePointer<S> { memory.base + stateCount }
    var stagePosition: UnsafeMutablePointer<S> { memory.base + 2 * stateCount }
    private var refinedAdjoint: UnsafeMutablePointer<S> { memory.base + 3 * stateCount }
    /// Adjoint of what moves the position in a stage: `v[i]` at order 2, `s[i]` at order 1.
    private func derivativeAdjoint(_ stage: Int) -> UnsafeMutablePointer<S> {
        memory.base + (4 + 2 * stage) * stateCount
    }
    func slopeAdjoint(_ stage: Int) -> UnsafeMutablePointer<S> {
        plan.order == 2 ? derivativeAdjoint(stage) + stateCount : derivativeAdjoint(stage)
    }
    private var units: UnsafeMutablePointer<S> { memory.base + (4 + 2 * plan.stages) * stateCount }

    /// Adds the chunk's gradient to `gradient`, laid out as the parameters are.
    ///
    /// The part of `classifier.weight` is the gradient with respect to the unit directions of a cosine classifier;
    /// `GradientEngine` takes it back to the stored rows once for all chunks.
    func run(
        _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>, start: UnsafePointer<S>,
        hasSuppliedVelocity: Bool, labels: UnsafePointer<Int32>, rowWeights: UnsafePointer<S>,
        penalties: UnsafePointer<S>, displacements: UnsafePointer<S>?, targets: UnsafePointer<S>?, rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) -> BatchLoss {
        var loss = logitsAdjoint(tape, labels: labels, targets: targets, rowWeights: rowWeights, rows: rows)
        classifier(
            tape, weights, penalties: penalties, displacements: displacements, rows: rows, into: gradient, loss: &loss)
        guard plan.order > 0 else { return loss }
        if plan.order == 2 { velocityAdjoint.update(repeating: 0, count: rows * plan.dimension) }
        for index in (0..<plan.steps).reversed() {
            if weights.nystrom != nil {
                nystromStep(index, tape, weights, rows: rows, into: gradient)
            } else if case .rungeKutta(let tableau) = plan.method {
                step(index, tableau, tape, weights, rows: rows, into: gradient)
            }
        }
        if plan.networkHidden > 0, !hasSuppliedVelocity {
            network(tape, weights, start: start, rows: rows, into: gradient)
        }
        return loss
    }

    /// Replaces the tape's logits by their adjoint, `weight · (softmax - one-hot)`, or `weight · (softmax - target)`.
    private func logitsAdjoint(
        _ tape: borrowing ForwardTape<S>, labels: UnsafePointer<Int32>, targets: UnsafePointer<S>?,
        rowWeights: UnsafePointer<S>, rows: Int
    ) -> BatchLoss {
        var loss = BatchLoss()
        let c = plan.classes
        for row in 0..<rows {
            let z = tape.logits + row * c
            let target = targets.map { $0 + row * c }
            guard labels[row] >= 0 || target != nil else {
                z.update(repeating: 0, count: c)
                continue
            }
            let label = target.map { likeliest($0) } ?? Int(labels[row])
            var best = 0
            for i in 1..<max(1, c) where z[i] > z[best] { best = i }
            let highest = z[best]
            let own = target.map { S.dot($0, z, count: c) - Double(highest) } ?? Double(z[label] - highest)
            let sum = S.exponentiate(z, shift: highest, count: c)
            loss.crossEntropy += Double(rowWeights[row]) * (log(sum) - own)
            loss.labelled += 1
            if best == label { loss.right += 1 }
            let factor = rowWeights[row] / S(sum)
            for i in 0..<c { z[i] *= factor }
            if let target {
                for i in 0..<c { z[i] -= rowWeights[row] * target[i] }
            } else {
                z[label] -= rowWeights[row]
            }
        }
        return loss
    }

    private func likeliest(_ probabilities: UnsafePointer<S>) -> Int {
        var best = 0
        for i in 1..<max(1, plan.classes) where probabilities[i] > probabilities[best] { best = i }
        return best
    }

    /// From the logits to x(T).
    private func classifier(
        _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>, penalties: UnsafePointer<S>,
        displacements: UnsafePointer<S>?, rows: Int, into gradient: UnsafeMutablePointer<S>, loss: inout BatchLoss
    ) {
        let (d, c) = (plan.dimension, plan.classes)
        let adjoint = tape.logits
        gradient[layout[.logitScale].lowerBound] += S(S.dot(adjoint, tape.similarity, count: rows * c))
        if weights.has(.classifierBias) {
            addColumnSums(of: adjoint, to: gradient + layout[.classifierBias].lowerBound, rows: rows, columns: c)
        }
        if weights.has(.priorScale) {
            gradient[layout[.priorScale].lowerBound] += S(S.dot(adjoint, tape.priorSimilarity, count: rows * c))
        }
        let scale = weights.scalar(.logitScale)
        for i in 0..<rows * c { adjoint[i] *= scale }
        S.multiply(
            m: c, n: d, k: rows, adjoint, transposed: true, tape.refined, transposed: false,
            into: gradient + layout[.classifierWeight].lowerBound, accumulating: true)
        guard plan.order > 0 else { return }

        weights.multiply(.classifierBack, adjoint, rows: rows, into: refinedAdjoint)
        let mix = weights.scalar(.mix)
        var mixAdjoint = 0.0
        for row in 0..<rows {
            let (y, yBar) = (tape.refined + row * d, refinedAdjoint + row * d)
            let (moved, xBar) = (tape.displacement + row * d, positionAdjoint + row * d)
            // d normalise(u): the part along y goes, the rest is divided by |u|.
            let along = S(S.dot(y, yBar, count: d))
            let factor = 1 / tape.norms[row]
            for i in 0..<d { yBar[i] = (yBar[i] - y[i] * along) * factor }
            mixAdjoint += S.dot(yBar, moved, count: d)
            // From here on the way that is still to go, or was too much.
            if let way = displacements.map({ $0 + row * d }) { for i in 0..<d { moved[i] -= way[i] } }
            loss.penalty += Double(penalties[row]) * S.sumOfSquares(moved, count: d)
            let pull = 2 * penalties[row]
            for i in 0..<d { xBar[i] = mix * yBar[i] + pull * moved[i] }
        }
        gradient[layout[.mix].lowerBound] += S(mixAdjoint)
    }

    private func step(
        _ step: Int, _ tableau: Tableau, _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>,
        rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) {
        let count = rows * plan.dimension
        let h = plan.grid.step
        let isSecondOrder = plan.order == 2
        for stage in 0..<plan.stages {
            let factor = S(h * tableau.b[stage])
            let (moving, slope) = (derivativeAdjoint(stage), slopeAdjoint(stage))
            for i in 0..<count { moving[i] = factor * positionAdjoint[i] }
            if isSecondOrder { for i in 0..<count { slope[i] = factor * velocityAdjoint[i] } }
        }
        for stage in (0..<plan.stages).reversed() {
            let isEvaluated = plan.evaluates(step: step, stage: stage)
            if isEvaluated { field(step, stage, tape, weights, rows: rows, into: gradient) }
            let moving = derivativeAdjoint(stage)
            if isEvaluated { add(stagePosition, times: 1, to: positionAdjoint, count: count) }
            if isSecondOrder { add(moving, times: 1, to: velocityAdjoint, count: count) }
            for (j, a) in tableau.a[stage].enumerated() where a != 0 {
                let factor = S(h * a)
                if isEvaluated { add(stagePosition, times: factor, to: derivativeAdjoint(j), count: count) }
                if isSecondOrder { add(moving, times: factor, to: slopeAdjoint(j), count: count) }
            }
        }
    }

    /// Through one evaluation of `S`: leaves `x̄[i]` in `stagePosition` and adds to `v̄[i]`.
    func field(
        _ step: Int, _ stage: Int, _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>, rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) {
        let (d, h) = (plan.dimension, plan.hidden)
        let slope = slopeAdjoint(stage)
        let time = S(plan.time(step: step, stage: stage))
        func part(_ parameter: Parameter) -> UnsafeMutablePointer<S> { gradient + layout[parameter].lowerBound }

        outer(slope, d, tape.hidden(step, stage), h, rows: rows, into: part(.outputWeight))
        addColumnSums(of: slope, to: part(.outputBias), rows: rows, columns: d)
        weights.multiply(.outputBack, slope, rows: rows, into: units)
        S.backpropagate(
            plan.activation, preactivation: tape.preactivation(step, stage), into: units, count: rows * h)
        outer(units, h, tape.position(step, stage), d, rows: rows, into: part(.positionWeight))
        addColumnSums(of: units, to: part(.fieldBias), rows: rows, columns: h)
        if time != 0 { addColumnSums(of: units, times: time, to: part(.timeWeight), rows: rows, columns: h) }
        weights.multiply(.positionBack, units, rows: rows, into: stagePosition)
        guard plan.fieldReadsVelocity else { return }
        let velocity = tape.velocity(step, stage)
        part(.damping)[0] -= S(S.dot(slope, velocity, count: rows * d))
        outer(units, h, velocity, d, rows: rows, into: part(.velocityWeight))
        weights.multiply(.velocityBack, units, rows: rows, into: derivativeAdjoint(stage), accumulating: true)
        add(slope, times: -weights.scalar(.damping), to: derivativeAdjoint(stage), count: rows * d)
    }

    private func network(
        _ tape: borrowing ForwardTape<S>, _ weights: borrowing PackedWeights<S>, start: UnsafePointer<S>, rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) {
        let (d, g) = (plan.dimension, plan.networkHidden)
        func part(_ parameter: Parameter) -> UnsafeMutablePointer<S> { gradient + layout[parameter].lowerBound }
        outer(velocityAdjoint, d, tape.networkHidden, g, rows: rows, into: part(.networkOutputWeight))
        addColumnSums(of: velocityAdjoint, to: part(.networkOutputBias), rows: rows, columns: d)
        weights.multiply(.networkOutputBack, velocityAdjoint, rows: rows, into: units)
        S.backpropagate(plan.activation, preactivation: tape.networkPreactivation, into: units, count: rows * g)
        outer(units, g, start, d, rows: rows, into: part(.networkInputWeight))
        addColumnSums(of: units, to: part(.networkInputBias), rows: rows, columns: g)
    }

    /// `dW[out, in] += dyᵀ x`
    private func outer(
        _ dy: UnsafePointer<S>, _ outputs: Int, _ x: UnsafePointer<S>, _ inputs: Int, rows: Int,
        into gradient: UnsafeMutablePointer<S>
    ) {
        S.multiply(
            m: outputs, n: inputs, k: rows, dy, transposed: true, x, transposed: false, into: gradient,
            accumulating: true)
    }
}
