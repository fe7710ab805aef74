/// The part of a solution in hidden space that is the same for all rows:
///
///     x = x0 + ν v0 + W2 β + ξ b2          v = μ v0 + W2 α + η b2
///
/// They solve `ξ' = η, η' = 1 - γ η, ν' = μ, μ' = -γ μ` by the very method that solves the rows, and are not their closed
/// forms. At order 1 `ξ' = 1` and the others do not take part. At a stage of a Nyström method, which has no velocity there,
/// `η` and `μ` are those of the step's beginning.
struct AffineCoordinates: Equatable {
    var xi = 0.0
    var eta = 0.0
    var nu = 0.0
    var mu = 1.0

    /// The acceleration, as a change of `(η, μ)`.
    func acceleration(damping: Double) -> (eta: Double, mu: Double) {
        (1 - damping * eta, -damping * mu)
    }

    /// `(ξ, ν) + drift · (η, μ) + Σ positions · s` and `retention · (η, μ) + Σ velocities · s`
    func moved(
        drift: Double, positions: [Double], retention: Double = 1, velocities: [Double],
        slopes: [(eta: Double, mu: Double)]
    ) -> AffineCoordinates {
        var result = self
        result.xi += drift * eta
        result.nu += drift * mu
        for (factor, slope) in zip(positions, slopes) {
            result.xi += factor * slope.eta
            result.nu += factor * slope.mu
        }
        result.eta *= retention
        result.mu *= retention
        for (factor, slope) in zip(velocities, slopes) {
            result.eta += factor * slope.eta
            result.mu += factor * slope.mu
        }
        return result
    }
}
