import Dynamics
import Glibc

/// Which terms a test system has.
struct Variation: CustomStringConvertible {
    enum Start { case zero, narrowNetwork, wideNetwork, supplied }
    var start = Start.zero
    var damping = 0.0
    var readsVelocity = true
    var hasBiases = true
    var mix = 1.0

    var description: String {
        "start \(start), damping \(damping), velocity \(readsVelocity), biases \(hasBiases), mix \(mix)"
    }

    /// Each start with and without the other terms; at order 1 there is no start, and a Nyström method reads no velocity.
    static func all(order: Int, _ solver: Solver) -> [Variation] {
        let starts: [Start] = order == 2 ? [.zero, .narrowNetwork, .wideNetwork, .supplied] : [.zero]
        let coupled = !solver.isNystrom
        return starts.flatMap { start in
            [
                Variation(start: start, readsVelocity: coupled),
                Variation(start: start, damping: 0.8, readsVelocity: coupled, hasBiases: false, mix: 0.6),
                Variation(start: start, damping: 1.1, readsVelocity: order == 1, mix: 1),
                Variation(start: start, readsVelocity: order == 1, hasBiases: false, mix: 0.3),
            ]
        }
    }
}

/// A random field with its rows, solved in hidden space and, in Double, as it is written.
struct HiddenSystem<S: KernelScalar> {
    let shape: HiddenShape
    private let dimension = 10
    private let hiddenWidth = 7
    private let rows = 11
    private let horizon = 1.3
    private let activation: Activation
    private var field = FieldWeights<S>()
    private var network: VelocityNetwork<S>?
    private let origins: [S]
    private let supplied: [S]?

    init(_ variation: Variation, activation: Activation, order: Int) {
        var seed: UInt64 = 1
        func random(_ count: Int, gain: Double) -> [S] {
            (0..<count).map { _ in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return S(Float(gain * (Double(seed >> 11) / Double(1 << 52) - 1)))
            }
        }
        let (d, h) = (dimension, hiddenWidth)
        self.activation = activation
        field.positionWeight = random(h * d, gain: 0.8)
        field.timeWeight = random(h, gain: variation.hasBiases ? 1 : 0)
        field.bias = random(h, gain: variation.hasBiases ? 0.5 : 0)
        field.outputWeight = random(d * h, gain: 0.5)
        field.outputBias = random(d, gain: variation.hasBiases ? 0.4 : 0)
        if order == 2 {
            field.velocityWeight = random(h * d, gain: variation.readsVelocity ? 0.7 : 0)
            field.damping = S(Float(variation.damping))
        }
        var start = HiddenShape.Start.zero
        switch variation.start {
        case .zero: break
        case .supplied: start = .supplied
        case .narrowNetwork, .wideNetwork:
            let g = variation.start == .narrowNetwork ? 4 : 13
            var network = VelocityNetwork<S>()
            network.inputWeight = random(g * d, gain: 0.7)
            network.inputBias = random(g, gain: 0.3)
            network.outputWeight = random(d * g, gain: 0.4)
            network.outputBias = random(d, gain: 0.3)
            self.network = network
            start = .network(width: g)
        }
        origins = random(rows * d, gain: 0.6)
        supplied = start == .supplied ? random(rows * d, gain: 0.5) : nil
        shape = HiddenShape(
            order: order, dimension: d, hidden: h, start: start, readsVelocity: variation.readsVelocity,
            damping: Double(field.damping), mix: variation.mix)
    }

    /// The largest difference of `x(T)` or its mixture from what the field itself gives, relative to `max(1, |x|)`.
    func difference(_ solver: Solver, steps: Int) -> Double {
        let expected = plain(solver, steps: steps)
        let found = hidden(solver, steps: steps)
        var largest = 0.0
        for row in 0..<rows {
            for i in 0..<dimension {
                let x0 = Double(origins[row * dimension + i])
                let mixed = x0 + shape.mix * (expected[row][i] - x0)
                for (value, exact) in [(found[2 * row][i], expected[row][i]), (found[2 * row + 1][i], mixed)] {
                    largest = max(largest, abs(Double(value) - exact) / max(1, abs(exact)))
                }
            }
        }
        return largest
    }

    /// `x(T)` and `y` of each row, one after the other.
    func hidden(_ solver: Solver, steps: Int, rows count: Int? = nil) -> [[S]] {
        let form = HiddenForm<S>(
            field: field, network: network, activation: activation, shape: shape, method: solver.method,
            grid: TimeGrid(steps: steps, horizon: horizon))
        let workspace = Workspace<S>(count: form.workspaceCount)
        func put(_ x: [S], at tile: Int) {
            for row in 0..<(count ?? rows) {
                S.spread(
                    Array(x[row * dimension..<(row + 1) * dimension]), times: 1,
                    into: workspace.base + tile + row * S.panel, count: dimension)
            }
        }
        put(origins, at: form.origin)
        if let supplied { put(supplied, at: form.velocity) }
        form.solve(rows: count ?? rows, memory: workspace.base)
        return (0..<(count ?? rows)).flatMap { row in
            [form.position, form.mixed].map { tile in
                var x = [S](repeating: 0, count: dimension)
                S.gather(workspace.base + tile + row * S.panel, times: 1, into: &x, count: dimension)
                return x
            }
        }
    }

    /// `x(T)` of each row, by the tableau on `[x, v]` in Double, or by the Nyström tableau on `exp(γt/2) (x - x(step))`.
    private func plain(_ solver: Solver, steps: Int) -> [[Double]] {
        let h = horizon / Double(steps)
        return (0..<rows).map { row in
            let range = row * dimension..<(row + 1) * dimension
            var z = origins[range].map { Double($0) }
            if shape.order == 2 { z += startVelocity(z, supplied.map { $0[range].map { Double($0) } }) }
            for step in 0..<steps {
                guard let tableau = solver.tableau else {
                    if let tableau = solver.nystrom { z = advanced(z, tableau, h, time: h * Double(step)) }
                    continue
                }
                var slopes: [[Double]] = []
                for stage in 0..<tableau.stages {
                    let at = advanced(z, tableau.a[stage].map { h * $0 }, slopes)
                    slopes.append(slope(at, time: h * (Double(step) + tableau.c[stage])))
                }
                z = advanced(z, tableau.b.map { h * $0 }, slopes)
            }
            return Array(z.prefix(dimension))
        }
    }

    private func advanced(_ z: [Double], _ factors: [Double], _ slopes: [[Double]]) -> [Double] {
        zip(factors, slopes).reduce(z) { z, term in zip(z, term.1).map { $0 + term.0 * $1 } }
    }

    private func advanced(_ z: [Double], _ tableau: NystromTableau, _ h: Double, time: Double) -> [Double] {
        let (x, v) = (Array(z.prefix(dimension)), Array(z.dropFirst(dimension)))
        let gamma = Double(field.damping)
        func growth(_ t: Double) -> Double { exp(gamma * t / 2) }
        let y = [Double](repeating: 0, count: dimension)
        var k: [[Double]] = []
        for (row, node) in zip(tableau.a, tableau.c) {
            let here = advanced(advanced(y, [node * h], [v]), row.map { h * h * $0 }, k)
            let at = advanced(x, [1 / growth(node * h)], [here])
            let f = Array(slope(at + y, time: time + node * h).dropFirst(dimension))
            k.append(zip(f, here).map { growth(node * h) * $0 + gamma * gamma / 4 * $1 })
        }
        let end = advanced(advanced(y, [h], [v]), tableau.position.map { h * h * $0 }, k)
        let w = advanced(v, tableau.velocity.map { h * $0 }, k)
        return advanced(x, [1 / growth(h)], [end]) + zip(w, end).map { ($0 - gamma / 2 * $1) / growth(h) }
    }

    private func slope(_ z: [Double], time: Double) -> [Double] {
        let x = Array(z.prefix(dimension))
        let v = Array(z.dropFirst(dimension))
        var inner = zip(field.bias, field.timeWeight).map { Double($0) + time * Double($1) }
        inner = zip(inner, product(field.positionWeight, x)).map { $0 + $1 }
        if !v.isEmpty { inner = zip(inner, product(field.velocityWeight, v)).map { $0 + $1 } }
        let output = product(field.outputWeight, inner.map(activation.value))
        let s = zip(output, field.outputBias).map { $0 + Double($1) }
        return v.isEmpty ? s : v + zip(s, v).map { $0 - Double(field.damping) * $1 }
    }

    private func startVelocity(_ x0: [Double], _ supplied: [Double]?) -> [Double] {
        guard let network else { return supplied ?? [Double](repeating: 0, count: dimension) }
        let inner = zip(product(network.inputWeight, x0), network.inputBias).map { $0 + Double($1) }
        return zip(product(network.outputWeight, inner.map(activation.value)), network.outputBias).map {
            $0 + Double($1)
        }
    }

    private func product(_ weight: [S], _ x: [Double]) -> [Double] {
        stride(from: 0, to: weight.count, by: x.count).map { first in
            x.indices.reduce(0) { $0 + Double(weight[first + $1]) * x[$1] }
        }
    }
}
