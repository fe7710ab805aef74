/// An explicit one-step method as it acts on a second-order system, with the stage velocities eliminated:
///
///     x[i] = x + d[i] h v + h² Σ_{j<i} ā[i][j] s[j]        v[i] = v + h Σ_{j<i} a[i][j] s[j]
///     x   += d h v + h² Σ b̄[i] s[i]                        v    = r v + h Σ b[i] s[i]
///
/// A Runge-Kutta tableau is such a scheme with `s[i] = S(x[i], v[i])`, `d[i] = c[i]`, `d = r = 1`, `ā = a²` and `b̄ = bᵀ a`. A
/// Nyström tableau has `s[i] = f(x[i])` without the damping, which is in the coefficients, and no stage velocities.
/// Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.14.
package struct SecondOrderScheme: Sendable, Equatable {
    /// `c`
    package let nodes: [Double]
    /// `d[i]`
    package let drifts: [Double]
    /// `ā`; row `i` holds the `i` coefficients of the earlier stages.
    package let stagePositions: [[Double]]
    /// `a`, likewise; empty for a Nyström tableau.
    package let stageVelocities: [[Double]]
    /// `d`
    package let drift: Double
    /// `b̄`
    package let position: [Double]
    /// `r`
    package let retention: Double
    /// `b`
    package let velocity: [Double]

    package var stages: Int { nodes.count }

    /// Whether every coefficient is a number.
    package var isFinite: Bool {
        let coefficients = drifts + stagePositions.joined() + [drift, retention] + position + velocity
        return coefficients.allSatisfy(\.isFinite)
    }
}

extension Method {
    /// - Parameter damping: `γ`, which a Nyström tableau takes into its coefficients and a Runge-Kutta tableau leaves to `S`.
    package func secondOrder(damping: Double, step: Double) -> SecondOrderScheme {
        switch self {
        case .rungeKutta(let tableau): tableau.secondOrder
        case .nystrom(let tableau): tableau.scheme(damping: damping, step: step)
        }
    }

    /// Whether the damping is in the coefficients, and not in `s`.
    package var absorbsDamping: Bool {
        if case .nystrom = self { true } else { false }
    }
}

extension Tableau {
    fileprivate var secondOrder: SecondOrderScheme {
        // Row j of a is empty from j on: those coefficients are zero.
        func product(_ row: [Double]) -> [Double] {
            row.indices.map { j in row.indices.reduce(0) { $0 + (j < $1 ? row[$1] * a[$1][j] : 0) } }
        }
        return SecondOrderScheme(
            nodes: c, drifts: c, stagePositions: a.map(product), stageVelocities: a, drift: 1, position: product(b),
            retention: 1, velocity: b)
    }
}
