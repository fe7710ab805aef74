import Glibc

extension NystromTableau {
    /// The method as it acts on `x'' = f(x, t) - γ x'` in a step of length `h`.
    ///
    /// With `z` the way gone since the step began at `x`, `y = exp(γt/2) z` takes the damping out of the equation:
    ///
    ///     y'' = exp(γt/2) f(x + exp(-γt/2) y, t) + (γ²/4) y        y(0) = 0        y'(0) = v
    ///
    /// to which the method applies as it stands. The factors are known beforehand, so that a step is again a combination of
    /// `x`, `v` and the `f[j]` alone. Without damping it is the tableau itself.
    ///
    /// To measure from the step's beginning, not from the origin, costs nothing and leaves a row where it is, to the bit,
    /// when there is no field; and it is `γ h` that must be moderate, not `γ T`.
    package func scheme(damping: Double, step h: Double) -> SecondOrderScheme {
        dual(damping: damping, step: h).map(\.value)
    }

    /// The derivative of each coefficient with respect to `γ`.
    package func schemeSlope(damping: Double, step h: Double) -> SecondOrderScheme {
        dual(damping: damping, step: h).map(\.slope)
    }

    /// All coefficients as functions of `γ`, in units of `h`: what multiplies `h v` and each `h² f[j]`.
    private func dual(damping: Double, step h: Double) -> DampedSteps {
        let kappa = Dual(value: damping * h, slope: h)
        let half = kappa * Dual(0.5)
        let square = half * half
        let growth = c.map { (half * Dual($0)).exponential }

        // y[i] / E[i] and k[i]
        var stagesOfY: [[Dual]] = []
        var accelerations: [[Dual]] = []
        /// `first` at `h v`, plus `Σ factors[j] k[j]`
        func combined(_ first: Double, _ factors: [Double]) -> [Dual] {
            var sum = [Dual](repeating: Dual(0), count: stages + 1)
            sum[0] = Dual(first)
            for (factor, k) in zip(factors, accelerations) {
                for l in sum.indices { sum[l] = sum[l] + Dual(factor) * k[l] }
            }
            return sum
        }
        for i in 0..<stages {
            let y = combined(c[i], a[i])
            var k = y.map { square * $0 }
            k[i + 1] = k[i + 1] + growth[i]
            accelerations.append(k)
            stagesOfY.append(y.map { $0 * growth[i].reciprocal })
        }
        let shrink = half.exponential.reciprocal
        let y = combined(1, position)
        let w = combined(1, velocity)
        return DampedSteps(
            nodes: c, stages: stagesOfY, position: y.map { $0 * shrink },
            // z' = exp(-γt/2) (y' - γ/2 y)
            velocity: zip(w, y).map { ($0 - half * $1) * shrink })
    }
}

/// Coefficients of `h v` (first) and the `h² f[j]`; for the velocity of `v` and the `h f[j]`.
private struct DampedSteps {
    let nodes: [Double]
    let stages: [[Dual]]
    let position: [Dual]
    let velocity: [Dual]

    func map(_ part: (Dual) -> Double) -> SecondOrderScheme {
        SecondOrderScheme(
            nodes: nodes, drifts: stages.map { part($0[0]) },
            stagePositions: stages.enumerated().map { i, stage in stage[1..<1 + i].map(part) },
            stageVelocities: [], drift: part(position[0]), position: position.dropFirst().map(part),
            retention: part(velocity[0]), velocity: velocity.dropFirst().map(part))
    }
}

/// A number and its derivative with respect to `γ`.
private struct Dual {
    var value: Double
    var slope: Double

    init(value: Double, slope: Double) { (self.value, self.slope) = (value, slope) }
    /// A constant.
    init(_ value: Double) { self.init(value: value, slope: 0) }

    var exponential: Dual { Dual(value: exp(value), slope: exp(value) * slope) }
    var reciprocal: Dual { Dual(value: 1 / value, slope: -slope / (value * value)) }

    static func + (x: Dual, y: Dual) -> Dual { Dual(value: x.value + y.value, slope: x.slope + y.slope) }
    static func - (x: Dual, y: Dual) -> Dual { Dual(value: x.value - y.value, slope: x.slope - y.slope) }
    static func * (x: Dual, y: Dual) -> Dual {
        Dual(value: x.value * y.value, slope: x.slope * y.value + x.value * y.slope)
    }
}
