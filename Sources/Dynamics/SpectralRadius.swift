import Glibc

/// How fast a system can change nearby: the largest modulus of an eigenvalue of the Jacobian of `[x, x']' = [x', S]`, or of
/// `x' = S` at order 1, at one place.
///
/// Power iteration: the Jacobian's products with a direction are central differences of `S`, and the estimate is the mean
/// growth over the second half of the iterations, by the geometric mean, to which pairs of complex eigenvalues converge too: right to about a percent at 40 iterations where
/// the next eigenvalue is somewhat smaller.
/// Source: Golub and Van Loan, Matrix Computations, section 7.3.
public enum SpectralRadius {
    /// - Parameters:
    ///   - position: `x`, `[D]`.
    ///   - velocity: `x'`, `[D]`; empty at order 1.
    ///   - iterations: two evaluations of `S` each; a multiple of 4.
    /// - Returns: 0 where the Jacobian takes the direction to nothing, infinity where `S` or its change is not finite.
    public static func estimate<System: SecondOrderSystem>(
        _ system: System, time: Double, position: [Double], velocity: [Double], iterations: Int = 40
    ) -> Double where System.Scalar == Double {
        precondition(iterations > 0 && iterations.isMultiple(of: 4), "halves hold whole turns of a complex pair")
        let field = PointwiseField(system)
        let d = system.dimension
        // Any direction that favours none; always the same, so that the estimate is.
        var z = (0..<position.count + velocity.count).map { cos(Double($0 * $0) + 0.5) }
        scale(&z, to: 1)
        var logarithm = 0.0
        for iteration in 0..<iterations {
            let (dx, dv) = (Array(z[..<d]), Array(z[d...]))
            // Errors of rounding and of curvature are of the same size here, about 1e-10 of |S|.
            let epsilon = 1e-5
            func slope(_ sign: Double) -> [Double] {
                field(
                    time, zip(position, dx).map { $0 + sign * epsilon * $1 },
                    zip(velocity, dv).map { $0 + sign * epsilon * $1 })
            }
            let change = zip(slope(1), slope(-1)).map { ($0 - $1) / (2 * epsilon) }
            z = system.order == 2 ? dv + change : change
            let growth = Trajectory.norm(z)
            guard growth > 0, growth.isFinite else { return growth == 0 ? 0 : .infinity }
            if iteration >= iterations / 2 { logarithm += log(growth) }
            scale(&z, to: 1)
        }
        return exp(logarithm / Double(iterations / 2))
    }

    private static func scale(_ z: inout [Double], to length: Double) {
        let norm = Trajectory.norm(z)
        for i in z.indices { z[i] *= length / norm }
    }
}
