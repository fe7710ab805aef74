/// A Butcher tableau: the whole of an explicit Runge-Kutta method, as data.
///
/// For `z' = f(t, z)` one step of length `h` is
///
///     k[i] = f(t + c[i] h, z + h Σ_{j<i} a[i][j] k[j])          z += h Σ_i b[i] k[i]
///
/// Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.1.
public struct Tableau: Sendable, Equatable {
    /// Row `i` holds the `i` coefficients of the earlier stages.
    public let a: [[Double]]
    public let b: [Double]
    public let c: [Double]
    /// The error of a step is `O(h^(order + 1))`.
    public let order: Int

    public var stages: Int { b.count }

    /// Rows of `a` sum to `c`, as every method here does.
    public init(a: [[Double]], b: [Double], order: Int) {
        self.a = a
        self.b = b
        self.c = a.map { $0.reduce(0, +) }
        self.order = order
    }
}
