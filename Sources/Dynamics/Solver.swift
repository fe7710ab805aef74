/// The explicit Runge-Kutta methods a model can name.
public enum Solver: String, CaseIterable, Codable, Sendable {
    case euler
    case midpoint
    case heun
    /// The classical fourth-order method.
    case rk4
    /// Kutta's 3/8 rule, also of fourth order, with a smaller error constant.
    case rk4ThreeEighths = "rk4-38"
}
