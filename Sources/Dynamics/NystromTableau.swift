/// A Nyström tableau: the whole of an explicit method for `y'' = g(t, y)`, as data.
///
/// One step of length `h` is
///
///     k[i] = g(t + c[i] h, y + c[i] h y' + h² Σ_{j<i} a[i][j] k[j])
///     y += h y' + h² Σ position[i] k[i]          y' += h Σ velocity[i] k[i]
///
/// Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.14.
public struct NystromTableau: Sendable, Equatable {
    /// Row `i` holds the `i` coefficients of the earlier stages.
    public let a: [[Double]]
    /// `b̄`
    public let position: [Double]
    /// `b`
    public let velocity: [Double]
    public let c: [Double]
    /// The error of a step is `O(h^(order + 1))`, in `y` and in `y'`.
    public let order: Int

    public var stages: Int { c.count }

    /// Whether the last stage is evaluated where the next step begins, and is its first ("first same as last").
    public var reusesLastStage: Bool {
        c.last == 1 && position.last == 0 && a.last == Array(position.dropLast())
    }
}

extension NystromTableau {
    /// Nyström's own method of fourth order, in three stages.
    static let nystrom4 = NystromTableau(
        a: [[], [1.0 / 8], [0, 1.0 / 2]], position: [1.0 / 6, 1.0 / 3, 0], velocity: [1.0 / 6, 2.0 / 3, 1.0 / 6],
        c: [0, 1.0 / 2, 1], order: 4)

    /// Dormand and Prince's method of fourth order, in four stages of which the last is the next step's first.
    static let dprkn4 = NystromTableau(
        a: [[], [1.0 / 32], [7.0 / 1000, 119.0 / 500], [1.0 / 14, 8.0 / 27, 25.0 / 189]],
        position: [1.0 / 14, 8.0 / 27, 25.0 / 189, 0],
        velocity: [1.0 / 14, 32.0 / 81, 250.0 / 567, 5.0 / 54], c: [0, 1.0 / 4, 7.0 / 10, 1], order: 4)
}
