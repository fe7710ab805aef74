/// Writes down the layers of a `HiddenPlan`, stage by stage.
struct HiddenPlanner {
    private typealias Term = (tile: Int, factor: Double)
    typealias Layer = HiddenPlan.Layer

    private let shape: HiddenShape
    private let method: Method
    private let scheme: SecondOrderScheme
    /// `γ` in `s`: 0 where the scheme has it in its coefficients.
    private let damping: Double
    private let grid: TimeGrid
    private let map: HiddenPlan.Map
    private var written: [Layer] = []
    /// Which of three places holds the last layer's input, where it has one from there.
    private var inputSlot: Int?
    private var state = Operand()
    /// Where each stage's slope stands: a method that reuses its last stage has the first one there in the next step.
    private var slopePlaces: [Int]

    /// `[β | α]` somewhere; a part that is zero was never written.
    private struct Operand {
        var slot = 0
        var hasBeta = false
        var hasAlpha = false
    }

    init(_ shape: HiddenShape, method: Method, grid: TimeGrid, map: HiddenPlan.Map) {
        self.shape = shape
        self.method = method
        scheme = method.secondOrder(damping: shape.damping, step: grid.step)
        damping = method.absorbsDamping ? 0 : shape.damping
        self.grid = grid
        self.map = map
        slopePlaces = (0..<method.stages).map { map.slope($0) }
    }

    mutating func layers() -> [Layer] {
        let path =
            shape.order == 2
            ? AffinePath(scheme, grid: grid, damping: damping) : AffinePath(firstOrder: scheme, grid: grid)
        let lastStep =
            shape.order == 2 ? method.stagesReachingPosition : [Bool](repeating: true, count: method.stages)
        func evaluates(_ step: Int, _ stage: Int) -> Bool {
            if step > 0, stage == 0, method.reusesLastStage { return false }
            return step < grid.steps - 1 || lastStep[stage]
        }
        let needsDrift = path.stages.indices.contains { step in
            path.stages[step].indices.contains { evaluates(step, $0) && path.stages[step][$0].nu != 0 }
        }
        writeStart(needsDrift: needsDrift)
        for step in 0..<grid.steps {
            if step > 0, method.reusesLastStage { slopePlaces.swapAt(0, method.stages - 1) }
            for stage in 0..<method.stages where evaluates(step, stage) {
                let operand = stage == 0 ? state : write(operandOf: stage)
                let time = grid.time(step) + scheme.nodes[stage] * grid.step
                evaluate(stage, at: operand, path.stages[step][stage], time: time)
            }
            writeState(isLast: step == grid.steps - 1)
        }
        writeOutput(path.end)
        return written
    }

    // MARK: Before the first step

    private var isStarted: Bool { shape.start != .zero }
    /// Undamped, `v0` is read with a factor of one at every stage.
    private var sumsVelocity: Bool { isStarted && shape.readsVelocity && damping == 0 }
    private var driftTile: Int { map.sources + map.hidden }
    private var pushTile: Int { map.sources + 2 * map.hidden }

    private mutating func writeStart(needsDrift: Bool) {
        if shape.networkWidth > 0 {
            let network = shape.foldsNetwork ? map.start : map.network
            written.append(
                Layer(
                    product: .network, input: map.origin, inputs: shape.dimension, outputs: shape.networkWidth,
                    output: network, row: .networkBias, activates: true))
            if !shape.foldsNetwork {
                written.append(
                    Layer(
                        product: .networkOutput, input: network, inputs: shape.networkWidth, outputs: shape.dimension,
                        output: map.start, row: .networkOutputBias))
            }
        }
        func source(_ product: HiddenPlan.Product, _ input: Int, _ inputs: Int, _ output: Int) -> Layer {
            Layer(product: product, input: input, inputs: inputs, outputs: shape.hidden, output: output)
        }
        let width = shape.dimension + (sumsVelocity ? shape.startWidth : 0)
        written.append(source(.origin(withVelocity: sumsVelocity), map.origin, width, map.sources))
        guard isStarted else { return }
        if needsDrift { written.append(source(.drift, map.start, shape.startWidth, driftTile)) }
        if shape.readsVelocity && !sumsVelocity {
            written.append(source(.push, map.start, shape.startWidth, pushTile))
        }
    }

    // MARK: Stages

    /// Whether the `α` of a stage is read.
    private var readsAlpha: Bool { shape.readsVelocity || damping != 0 }

    private mutating func evaluate(
        _ stage: Int, at operand: Operand, _ coordinates: AffineCoordinates, time: Double
    ) {
        let (position, velocity) = (operand.hasBeta, operand.hasAlpha && shape.readsVelocity)
        var layer = Layer(outputs: shape.hidden, output: slopePlaces[stage])
        layer.row = .stage(coordinates, time: time)
        layer.activates = true
        if position || velocity {
            layer.product = .stage(position: position, velocity: velocity)
            layer.input = position ? map.beta(operand.slot) : map.alpha(operand.slot)
            layer.inputs = (position ? shape.hidden : 0) + (velocity ? shape.hidden : 0)
        }
        layer.before = [(map.sources, 1)]
        if isStarted {
            if coordinates.nu != 0 { layer.before.append((driftTile, coordinates.nu)) }
            if shape.readsVelocity && !sumsVelocity { layer.before.append((pushTile, coordinates.mu)) }
        }
        if damping != 0, operand.hasAlpha { layer.after = [(map.alpha(operand.slot), -damping)] }
        written.append(layer)
        inputSlot = layer.product == .none ? nil : operand.slot
    }

    /// `β` and `α` at a stage.
    private mutating func write(operandOf stage: Int) -> Operand {
        let h = grid.step
        let slot = (0..<3).first { $0 != state.slot && $0 != inputSlot } ?? 0
        let beta: [Term]
        var alpha: [Term] = []
        if shape.order == 2 {
            beta = self.beta(drift: scheme.drifts[stage] * h, slopes: scheme.stagePositions[stage].map { h * h * $0 })
            if readsAlpha { alpha = self.alpha(slopes: scheme.stageVelocities[stage].map { h * $0 }) }
        } else {
            beta = self.beta(drift: 0, slopes: scheme.stageVelocities[stage].map { h * $0 })
        }
        write(beta, to: map.beta(slot), slot)
        write(alpha, to: map.alpha(slot), slot)
        return Operand(slot: slot, hasBeta: !beta.isEmpty, hasAlpha: !alpha.isEmpty)
    }

    /// `β` and `α` at the end of a step, in the place of the state unless that is being read.
    private mutating func writeState(isLast: Bool) {
        let h = grid.step
        let beta: [Term]
        var alpha: [Term] = []
        if shape.order == 2 {
            beta = self.beta(drift: scheme.drift * h, slopes: scheme.position.map { h * h * $0 })
            if !isLast { alpha = self.alpha(retention: scheme.retention, slopes: scheme.velocity.map { h * $0 }) }
        } else {
            beta = self.beta(drift: 0, slopes: scheme.velocity.map { h * $0 })
        }
        // The last one stands beside the network's hidden layer, to be multiplied with it.
        let slot = isLast ? 0 : state.slot == inputSlot ? (state.slot + 1) % 3 : state.slot
        // α is read by β, and both by themselves: β first, each in its own place.
        write(beta, to: map.beta(slot), slot)
        write(alpha, to: map.alpha(slot), slot)
        state = Operand(slot: slot, hasBeta: !beta.isEmpty, hasAlpha: !alpha.isEmpty)
    }

    private func beta(drift: Double, slopes: [Double]) -> [Term] {
        var terms: [Term] = []
        if state.hasBeta { terms.append((map.beta(state.slot), 1)) }
        if state.hasAlpha, drift != 0 { terms.append((map.alpha(state.slot), drift)) }
        return terms + self.slopes(slopes)
    }

    private func alpha(retention: Double = 1, slopes: [Double]) -> [Term] {
        (state.hasAlpha ? [(map.alpha(state.slot), retention)] : []) + self.slopes(slopes)
    }

    private func slopes(_ factors: [Double]) -> [Term] {
        factors.indices.filter { factors[$0] != 0 }.map { (slopePlaces[$0], factors[$0]) }
    }

    /// Writes a combination while the last layer's result is at hand, or in a layer of its own if that still reads the place.
    private mutating func write(_ terms: [Term], to target: Int, _ slot: Int) {
        guard !terms.isEmpty else { return }
        guard let last = written.indices.last, written[last].activates, slot != inputSlot else {
            written.append(Layer(outputs: shape.hidden, output: target, before: terms))
            return
        }
        let fresh = terms.first { $0.tile == written[last].output }?.factor ?? 0
        let others = terms.filter { $0.tile != written[last].output }
        written[last].updates.append((target, fresh, others))
    }

    // MARK: After the last step

    private mutating func writeOutput(_ end: AffineCoordinates) {
        var layer = Layer(outputs: shape.dimension, output: map.mixed)
        layer.product = .output(nu: end.nu)
        layer.row = .output(end)
        layer.inputs = shape.hidden
        layer.input = map.beta(0)
        if shape.foldsNetwork {
            layer.inputs += shape.startWidth
            layer.input = map.start
        } else if isStarted {
            layer.before = [(map.start, end.nu)]
        }
        if shape.mix == 1 {
            layer.before.append((map.origin, 1))
        } else {
            layer.updates = [(map.position, 1, [(map.origin, 1)]), (map.mixed, shape.mix, [(map.origin, 1)])]
        }
        written.append(layer)
    }
}
