import Glibc

/// The nonlinearity of the field `S` and of the initial-velocity network `g`.
public enum Activation: String, CaseIterable, Codable, Sendable {
    /// `tanh x`
    case tanh
    /// `x Φ(x) = x (1 + erf(x / √2)) / 2`, the exact form (Hendrycks and Gimpel, arXiv 1606.08415).
    case gelu
    /// `x σ(x) = x / (1 + e^-x)`, also called swish (Elfwing et al., arXiv 1702.03118).
    case silu

    /// The value at `x`, to double precision; the reference for every vectorised kernel.
    public func value(_ x: Double) -> Double {
        switch self {
        case .tanh: Glibc.tanh(x)
        case .gelu: 0.5 * x * erfc(-x * 0.5.squareRoot())
        case .silu: x / (1 + exp(-x))
        }
    }

    /// The slope at `preactivation`, to double precision.
    public func derivative(of preactivation: Double) -> Double {
        let x = preactivation
        switch self {
        case .tanh:
            let y = Glibc.tanh(x)
            return 1 - y * y
        case .gelu:
            // d/dx x Φ(x) = Φ(x) + x φ(x), φ the standard normal density.
            let density = exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
            return 0.5 * erfc(-x * 0.5.squareRoot()) + x * density
        case .silu:
            let sigmoid = 1 / (1 + exp(-x))
            return sigmoid * (1 + x * (1 - sigmoid))
        }
    }
}
