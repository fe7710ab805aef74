import Dynamics
import Glibc
import Refinement

/// The equations of the model for one row, in Double, as plainly as they can be written: what the refiner is held against.
struct PlainModel {
    let model: Model<Double>

    private var d: Int { model.configuration.dimension }

    func logits(_ embedding: [Float], velocity: [Float]?) -> (y: [Double], logits: [Double]) {
        let configuration = model.configuration
        let x0 = unit(zip(embedding, model.inputMean ?? zeros).map { Double($0) - $1 })
        let end = solve(x0, velocity.map { $0.map(Double.init) })
        let y = unit(zip(x0, end).map { $0 + configuration.mix * ($1 - $0) })
        let logits = model.classes.indices.map { c in
            let row = Array(model.classifierWeight[c * d..<(c + 1) * d])
            var logit = configuration.logitScale
            switch configuration.classifier {
            case .cosine: logit *= dot(y, unit(row))
            case .affine: logit = logit * dot(y, row) + (model.classifierBias?[c] ?? 0)
            }
            let prior = model.prior.map { Array($0[c * d..<(c + 1) * d]) } ?? zeros
            return logit + configuration.priorScale * dot(x0, prior)
        }
        return (y, logits)
    }

    private func solve(_ x0: [Double], _ supplied: [Double]?) -> [Double] {
        let configuration = model.configuration
        guard configuration.order > 0 else { return x0 }
        let isSecond = configuration.order == 2
        // z = [x, v] at order 2, x at order 1.
        var z = x0
        if isSecond { z += supplied ?? model.velocity.map { guess($0, x0) } ?? zeros }
        let h = configuration.horizon / Double(configuration.steps)
        for step in 0..<configuration.steps {
            let tableau: Tableau
            switch configuration.solver.method {
            case .rungeKutta(let method): tableau = method
            case .nystrom(let method):
                z = damped(z, method, h, time: h * Double(step))
                continue
            }
            var slopes: [[Double]] = []
            for stage in 0..<tableau.stages {
                var at = z
                for (a, slope) in zip(tableau.a[stage], slopes) { at = zip(at, slope).map { $0 + h * a * $1 } }
                let x = Array(at[..<d])
                let v = isSecond ? Array(at[d...]) : []
                slopes.append(v + field(x, v, h * (Double(step) + tableau.c[stage])))
            }
            for (b, slope) in zip(tableau.b, slopes) { z = zip(z, slope).map { $0 + h * b * $1 } }
        }
        return Array(z[..<d])
    }

    /// One step in `y = exp(γt/2) (x - x(step))`, whose equation has no damping.
    private func damped(_ z: [Double], _ method: NystromTableau, _ h: Double, time: Double) -> [Double] {
        let (x, v) = (Array(z[..<d]), Array(z[d...]))
        let gamma = model.field.damping
        func moved(_ y: [Double], _ factors: [Double], _ k: [[Double]]) -> [Double] {
            zip(factors, k).reduce(y) { y, term in zip(y, term.1).map { $0 + term.0 * $1 } }
        }
        var k: [[Double]] = []
        for (row, node) in zip(method.a, method.c) {
            let growth = exp(gamma * node * h / 2)
            let y = moved(moved(zeros, [node * h], [v]), row.map { h * h * $0 }, k)
            let f = field(moved(x, [1 / growth], [y]), [], time + node * h)
            k.append(zip(f, y).map { growth * $0 + gamma * gamma / 4 * $1 })
        }
        let growth = exp(gamma * h / 2)
        let y = moved(moved(zeros, [h], [v]), method.position.map { h * h * $0 }, k)
        let w = moved(v, method.velocity.map { h * $0 }, k)
        return moved(x, [1 / growth], [y]) + zip(w, y).map { ($0 - gamma / 2 * $1) / growth }
    }

    private func field(_ x: [Double], _ v: [Double], _ t: Double) -> [Double] {
        let weights = model.field
        var inner = zip(affine(weights.positionWeight, x, weights.bias), weights.timeWeight).map { $0 + t * $1 }
        if !v.isEmpty { inner = affine(weights.velocityWeight, v, inner) }
        let s = affine(weights.outputWeight, inner.map(model.configuration.activation.value), weights.outputBias)
        return v.isEmpty ? s : zip(s, v).map { $0 - weights.damping * $1 }
    }

    private func guess(_ network: VelocityNetwork<Double>, _ x: [Double]) -> [Double] {
        let inner = affine(network.inputWeight, x, network.inputBias).map(model.configuration.activation.value)
        return affine(network.outputWeight, inner, network.outputBias)
    }

    private var zeros: [Double] { [Double](repeating: 0, count: d) }

    private func affine(_ weight: [Double], _ x: [Double], _ bias: [Double]) -> [Double] {
        bias.indices.map { i in bias[i] + dot(Array(weight[i * x.count..<(i + 1) * x.count]), x) }
    }

    private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

    private func unit(_ x: [Double]) -> [Double] {
        let norm = dot(x, x).squareRoot()
        return x.map { $0 / norm }
    }
}
