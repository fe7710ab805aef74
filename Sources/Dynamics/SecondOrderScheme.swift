/// An explicit one-step method as it acts on a second-order system, with the stage velocities eliminated:
///
///     x[i] = x + c[i] h v + h² Σ_{j<i} ā[i][j] s[j]        v[i] = v + h Σ_{j<i} a[i][j] s[j]        s[i] = S(x[i], v[i])
///     x   += h v + h² Σ b̄[i] s[i]                          v   += h Σ b[i] s[i]
///
/// Every Runge-Kutta tableau is such a scheme with `ā = a²` and `b̄ = bᵀ a`; Nyström methods are others.
/// Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.14.
package struct SecondOrderScheme: Sendable, Equatable {
    package let nodes: [Double]
    /// `ā`; row `i` holds the `i` coefficients of the earlier stages.
    package let stagePositions: [[Double]]
    /// `a`, likewise.
    package let stageVelocities: [[Double]]
    /// `b̄`
    package let position: [Double]
    /// `b`
    package let velocity: [Double]

    package var stages: Int { nodes.count }
}

extension Tableau {
    package var secondOrder: SecondOrderScheme {
        // Row j of a is empty from j on: those coefficients are zero.
        func product(_ row: [Double]) -> [Double] {
            row.indices.map { j in row.indices.reduce(0) { $0 + (j < $1 ? row[$1] * a[$1][j] : 0) } }
        }
        return SecondOrderScheme(
            nodes: c, stagePositions: a.map(product), stageVelocities: a, position: product(b), velocity: b)
    }
}
