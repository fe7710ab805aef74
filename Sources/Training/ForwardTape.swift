import Dynamics

/// A chunk of rows carried through the model, with everything that the way back needs.
///
/// The forward pass takes the very steps that serving takes (discretise, then optimise): stage `i` of a step is
///
///     x[i] = x + h Σ_{j<i} a[i][j] v[j]      v[i] = v + h Σ_{j<i} a[i][j] s[j]      s[i] = S(x[i], v[i], t + c[i] h)
///
/// and at order 1 `s` takes the place of `v`; a Nyström method's stages are those of `Integrator.integrateNystrom`. Memory: about `3 D + 2 H` numbers a row for each evaluation of `S`.
struct ForwardTape<S: KernelScalar>: ~Copyable {
    let plan: PassPlan
    /// The most rows a chunk may have.
    let capacity: Int
    private let memory: Workspace<S>
    private let stateCount: Int
    private let hiddenCount: Int
    private let evaluationsEnd: Int

    init(plan: PassPlan, capacity: Int) {
        self.plan = plan
        self.capacity = capacity
        stateCount = capacity * plan.dimension
        hiddenCount = capacity * plan.hidden
        evaluationsEnd = plan.steps * plan.stages * (3 * stateCount + 2 * hiddenCount)
        memory = Workspace(
            count: evaluationsEnd + 4 * stateCount + 2 * capacity * plan.networkHidden + 3 * capacity * plan.classes
                + capacity)
    }

    private func evaluation(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> {
        memory.base + (step * plan.stages + stage) * (3 * stateCount + 2 * hiddenCount)
    }

    /// `x[i]`, `[m, D]`
    func position(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> { evaluation(step, stage) }
    /// `v[i]`, `[m, D]`; order 2 only.
    func velocity(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> { evaluation(step, stage) + stateCount }
    /// `s[i]`, `[m, D]`
    func slope(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> { evaluation(step, stage) + 2 * stateCount }
    /// The field's hidden layer before its activation, `[m, H]`
    func preactivation(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> {
        evaluation(step, stage) + 3 * stateCount
    }
    /// The field's hidden layer, `[m, H]`
    func hidden(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> { preactivation(step, stage) + hiddenCount }

    /// x(T), `[m, D]`
    var end: UnsafeMutablePointer<S> { memory.base + evaluationsEnd }
    /// x'(0), and x' between steps, `[m, D]`
    var state: UnsafeMutablePointer<S> { end + stateCount }
    /// The refined unit vectors `y`, `[m, D]`
    var refined: UnsafeMutablePointer<S> { end + 2 * stateCount }
    /// x(T) - x0, `[m, D]`
    var displacement: UnsafeMutablePointer<S> { end + 3 * stateCount }
    /// The velocity network's hidden layer before and after its activation, `[m, G]`
    var networkPreactivation: UnsafeMutablePointer<S> { end + 4 * stateCount }
    var networkHidden: UnsafeMutablePointer<S> { networkPreactivation + capacity * plan.networkHidden }
    /// `y · normalise(Wc)ᵀ` (or `y · Wcᵀ`), `[m, C]`
    var similarity: UnsafeMutablePointer<S> { networkPreactivation + 2 * capacity * plan.networkHidden }
    /// `x0 · Wpᵀ`, `[m, C]`
    var priorSimilarity: UnsafeMutablePointer<S> { similarity + capacity * plan.classes }
    /// `[m, C]`
    var logits: UnsafeMutablePointer<S> { similarity + 2 * capacity * plan.classes }
    /// `|x0 + m (x(T) - x0)|`, `[m]`
    var norms: UnsafeMutablePointer<S> { similarity + 3 * capacity * plan.classes }

    /// Fills the tape up to the logits.
    ///
    /// - Parameters:
    ///   - start: `x0`, unit rows `[m, D]`.
    ///   - initialVelocity: `[m, D]`; replaces the velocity network.
    func run(
        _ weights: borrowing PackedWeights<S>, start: UnsafePointer<S>, initialVelocity: UnsafePointer<S>?, rows: Int
    ) {
        let count = rows * plan.dimension
        end.update(from: start, count: count)
        if plan.order == 2 { startVelocity(weights, start: start, supplied: initialVelocity, rows: rows) }
        for step in 0..<plan.steps {
            if let scheme = weights.nystrom?.scheme {
                advance(scheme, weights, step: step, rows: rows)
            } else if case .rungeKutta(let tableau) = plan.method {
                advance(tableau, weights, step: step, rows: rows)
            }
        }
        classify(weights, start: start, rows: rows)
    }

    private func startVelocity(
        _ weights: borrowing PackedWeights<S>, start: UnsafePointer<S>, supplied: UnsafePointer<S>?, rows: Int
    ) {
        let count = rows * plan.dimension
        if let supplied {
            state.update(from: supplied, count: count)
        } else if plan.networkHidden > 0 {
            let units = rows * plan.networkHidden
            weights.multiply(.networkInput, start, rows: rows, into: networkPreactivation)
            addRow(weights[.networkInputBias], to: networkPreactivation, rows: rows, columns: plan.networkHidden)
            networkHidden.update(from: networkPreactivation, count: units)
            S.apply(plan.activation, networkHidden, count: units)
            weights.multiply(.networkOutput, networkHidden, rows: rows, into: state)
            addRow(weights[.networkOutputBias], to: state, rows: rows, columns: plan.dimension)
        } else {
            state.update(repeating: 0, count: count)
        }
    }

    private func advance(_ tableau: Tableau, _ weights: borrowing PackedWeights<S>, step: Int, rows: Int) {
        let count = rows * plan.dimension
        let h = plan.grid.step
        for stage in 0..<plan.stages {
            let coefficients = tableau.a[stage]
            if plan.order == 2 {
                let here = velocity(step, stage)
                here.update(from: state, count: count)
                for (j, a) in coefficients.enumerated() where a != 0 {
                    add(slope(step, j), times: S(h * a), to: here, count: count)
                }
            }
            guard plan.evaluates(step: step, stage: stage) else { continue }
            let here = position(step, stage)
            here.update(from: end, count: count)
            for (j, a) in coefficients.enumerated() where a != 0 {
                add(derivative(step, j), times: S(h * a), to: here, count: count)
            }
            evaluate(weights, step: step, stage: stage, rows: rows)
        }
        for (j, b) in tableau.b.enumerated() where b != 0 {
            add(derivative(step, j), times: S(h * b), to: end, count: count)
            if plan.order == 2, step < plan.steps - 1 {
                add(slope(step, j), times: S(h * b), to: state, count: count)
            }
        }
    }

    /// What moves the position: the velocity at order 2, the slope at order 1.
    func derivative(_ step: Int, _ stage: Int) -> UnsafeMutablePointer<S> {
        plan.order == 2 ? velocity(step, stage) : slope(step, stage)
    }

    func evaluate(_ weights: borrowing PackedWeights<S>, step: Int, stage: Int, rows: Int) {
        let units = rows * plan.hidden
        let before = preactivation(step, stage)
        let after = hidden(step, stage)
        let result = slope(step, stage)
        weights.multiply(.position, position(step, stage), rows: rows, into: before)
        if plan.fieldReadsVelocity {
            weights.multiply(.velocity, velocity(step, stage), rows: rows, into: before, accumulating: true)
        }
        let time = S(plan.time(step: step, stage: stage))
        let (bias, timeWeight) = (weights[.fieldBias], weights[.timeWeight])
        for row in 0..<rows {
            let line = before + row * plan.hidden
            for i in 0..<plan.hidden { line[i] += bias[i] + time * timeWeight[i] }
        }
        after.update(from: before, count: units)
        S.apply(plan.activation, after, count: units)
        weights.multiply(.output, after, rows: rows, into: result)
        addRow(weights[.outputBias], to: result, rows: rows, columns: plan.dimension)
        guard plan.fieldReadsVelocity else { return }
        let damping = weights.scalar(.damping)
        if damping != 0 { add(velocity(step, stage), times: -damping, to: result, count: rows * plan.dimension) }
    }

    private func classify(_ weights: borrowing PackedWeights<S>, start: UnsafePointer<S>, rows: Int) {
        let (d, c) = (plan.dimension, plan.classes)
        let mix = weights.scalar(.mix)
        for row in 0..<rows {
            let (x0, xT) = (start + row * d, end + row * d)
            let (moved, y) = (displacement + row * d, refined + row * d)
            for i in 0..<d {
                moved[i] = xT[i] - x0[i]
                y[i] = x0[i] + mix * moved[i]
            }
            let norm = S(S.sumOfSquares(y, count: d).squareRoot())
            norms[row] = norm > 0 ? norm : 1
            let factor = 1 / norms[row]
            for i in 0..<d { y[i] *= factor }
        }
        weights.multiply(.classifier, refined, rows: rows, into: similarity)
        let scale = weights.scalar(.logitScale)
        for i in 0..<rows * c { logits[i] = scale * similarity[i] }
        if weights.has(.classifierBias) { addRow(weights[.classifierBias], to: logits, rows: rows, columns: c) }
        if plan.hasPrior {
            weights.multiply(.prior, start, rows: rows, into: priorSimilarity)
            add(priorSimilarity, times: weights.scalar(.priorScale), to: logits, count: rows * c)
        }
    }
}
