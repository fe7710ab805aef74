extension Integrator {
    /// As `integrate`, for `S = f(x, t) - γ x'` by a Nyström method whose coefficients have the damping in them: stage `i` is
    ///
    ///     x[i] = x + d[i] h v + h² Σ_{j<i} ā[i][j] f[j]        f[i] = f(x[i], t + c[i] h)
    ///
    /// and a step ends with `x += d h v + h² Σ b̄[i] f[i]`, `v = r v + h Σ b[i] f[i]`.
    func integrateNystrom<System: SecondOrderSystem>(
        _ scheme: SecondOrderScheme, _ system: System, position: UnsafeMutablePointer<System.Scalar>,
        velocity: UnsafeMutablePointer<System.Scalar>, rows: Int, workspace: UnsafeMutablePointer<System.Scalar>
    ) {
        typealias S = System.Scalar
        let count = rows * system.dimension
        let h = grid.step
        let stagePosition = workspace
        var slopes = (0..<scheme.stages).map { workspace + (1 + $0) * count }
        let scratch = workspace + (1 + scheme.stages) * count

        /// `y = base + factor v + Σ coefficients[j] f[j]`; an `f[j]` that was never computed has a coefficient of zero.
        func advance(
            _ base: UnsafeMutablePointer<S>, _ factor: Double, _ coefficients: [Double],
            into y: UnsafeMutablePointer<S>
        ) {
            let terms = coefficients.indices.filter { coefficients[$0] != 0 }
            S.combine(
                base, [S(factor)] + terms.map { S(coefficients[$0]) },
                [UnsafePointer(velocity)] + terms.map { UnsafePointer(slopes[$0]) }, into: y, count: count)
        }

        for step in 0..<grid.steps {
            if step > 0, method.reusesLastStage { slopes.swapAt(0, scheme.stages - 1) }
            for stage in 0..<scheme.stages where evaluates(stage, of: step) {
                var here = position
                if stage > 0 {
                    here = stagePosition
                    advance(
                        position, h * scheme.drifts[stage], scheme.stagePositions[stage].map { h * h * $0 }, into: here)
                }
                system.evaluate(
                    time: grid.time(step) + scheme.nodes[stage] * h, position: here, velocity: nil, rows: rows,
                    scratch: scratch, into: slopes[stage])
            }
            advance(position, h * scheme.drift, scheme.position.map { h * h * $0 }, into: position)
            if step < grid.steps - 1 || givesVelocity {
                advance(velocity, scheme.retention - 1, scheme.velocity.map { h * $0 }, into: velocity)
            }
        }
    }
}
