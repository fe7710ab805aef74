/// Writes down the layers of a `HiddenPlan`, stage by stage.
struct HiddenPlanner {
    private typealias Term = (tile: Int, factor: Double)
    typealias Layer = HiddenPlan.Layer

    private let shape: HiddenShape
    private let tableau: Tableau
    private let scheme: SecondOrderScheme
    private let grid: TimeGrid
    private let map: HiddenPlan.Map
    private var written: [Layer] = []
    /// Which of three places holds the last layer's input, where it has one from there.
    private var inputSlot: Int?
    private var state = Operand()

    /// `[β | α]` somewhere; a part that is zero was never written.
    private struct Operand {
        var slot = 0
        var hasBeta = false
        var hasAlpha = false
    }

    init(_ shape: HiddenShape, tableau: Tableau, grid: TimeGrid, map: HiddenPlan.Map) {
        self.shape = shape
        self.tableau = tableau
        scheme = tableau.secondOrder
        self.grid = grid
        self.map = map
    }

    mutating func layers() -> [Layer] {
        let path = AffinePath(tableau: tableau, grid: grid, order: shape.order, damping: shape.damping)
        let lastStep =
            shape.order == 2 ? tableau.stagesReachingPosition : [Bool](repeating: true, count: tableau.stages)
        func evaluates(_ step: Int, _ stage: Int) -> Bool { step < grid.steps - 1 || lastStep[stage] }
        let needsDrift = path.stages.indices.contains { step in
            path.stages[step].indices.contains { evaluates(step, $0) && path.stages[step][$0].nu != 0 }
        }
        writeStart(needsDrift: needsDrift)
        for step in 0..<grid.steps {
            for stage in 0..<tableau.stages where evaluates(step, stage) {
                let operand = stage == 0 ? state : write(operandOf: stage)
                evaluate(
                    stage, at: operand, path.stages[step][stage], time: grid.time(step) + tableau.c[stage] * grid.step)
            }
            writeState(isLast: step == grid.steps - 1)
        }
        writeOutput(path.end)
        return written
    }

    // MARK: Before the first step

    private var isStarted: Bool { shape.start != .zero }
    /// Undamped, `v0` is read with a factor of one at every stage.
    private var sumsVelocity: Bool { isStarted && shape.readsVelocity && shape.damping == 0 }
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
    private var readsAlpha: Bool { shape.readsVelocity || shape.damping != 0 }

    private mutating func evaluate(
        _ stage: Int, at operand: Operand, _ coordinates: AffineCoordinates, time: Double
    ) {
        let (position, velocity) = (operand.hasBeta, operand.hasAlpha && shape.readsVelocity)
        var layer = Layer(outputs: shape.hidden, output: map.slope(stage))
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
        if shape.damping != 0, operand.hasAlpha { layer.after = [(map.alpha(operand.slot), -shape.damping)] }
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
            beta = self.beta(drift: scheme.nodes[stage] * h, slopes: scheme.stagePositions[stage].map { h * h * $0 })
            if readsAlpha { alpha = self.alpha(slopes: scheme.stageVelocities[stage].map { h * $0 }) }
        } else {
            beta = self.beta(drift: 0, slopes: tableau.a[stage].map { h * $0 })
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
            beta = self.beta(drift: h, slopes: scheme.position.map { h * h * $0 })
            if !isLast { alpha = self.alpha(slopes: scheme.velocity.map { h * $0 }) }
        } else {
            beta = self.beta(drift: 0, slopes: tableau.b.map { h * $0 })
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

    private func alpha(slopes: [Double]) -> [Term] {
        (state.hasAlpha ? [(map.alpha(state.slot), 1)] : []) + self.slopes(slopes)
    }

    private func slopes(_ factors: [Double]) -> [Term] {
        factors.indices.filter { factors[$0] != 0 }.map { (map.slope($0), factors[$0]) }
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
