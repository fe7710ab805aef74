extension Tableau {
    /// The coefficients of the stability polynomial, lowest degree first: a step multiplies the solution of `z' = λ z` by
    ///
    ///     R(λh) = 1 + Σ_{k≥1} (bᵀ A^(k-1) 1) (λh)^k
    ///
    /// Source: Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.2.
    public var stabilityPolynomial: [Double] {
        var coefficients = [1.0]
        var power = [Double](repeating: 1, count: stages)
        for _ in 0..<stages {
            coefficients.append(zip(b, power).reduce(0) { $0 + $1.0 * $1.1 })
            power = a.map { row in zip(row, power).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        return coefficients
    }

    /// The largest `r` such that `|R(-ρ)| <= 1` for all `ρ` in `[0, r]`: damping `γ` decays in steps of `h <= r / γ` and
    /// grows without bound in longer ones.
    public var realStabilityBound: Double {
        let coefficients = stabilityPolynomial
        func isStable(_ rho: Double) -> Bool {
            abs(coefficients.reversed().reduce(0) { $0 * -rho + $1 }) <= 1 + 1e-12
        }
        // An explicit method with s stages is unstable past 2 s² (Hairer and Wanner, section IV.2).
        let limit = 2 * Double(stages * stages) + 1
        let resolution = 1e-3
        var low = 0.0
        while low < limit, isStable(low + resolution) { low += resolution }
        var high = low + resolution
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if isStable(middle) { low = middle } else { high = middle }
        }
        return low
    }
}
