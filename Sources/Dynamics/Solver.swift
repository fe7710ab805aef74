/// The methods a model can name.
public enum Solver: String, CaseIterable, Codable, Sendable {
    case euler
    case midpoint
    case heun
    /// The classical fourth-order method.
    case rk4
    /// Kutta's 3/8 rule, also of fourth order, with a smaller error constant.
    case rk4ThreeEighths = "rk4-38"
    /// Nyström's method of fourth order, three evaluations a step; where the velocity enters as damping alone.
    case nystrom4
    /// Dormand and Prince's of fourth order, also three a step and several times as accurate; likewise.
    case dprkn4
}

extension Solver {
    public var method: Method {
        switch self {
        case .euler:
            .rungeKutta(Tableau(a: [[]], b: [1], order: 1))
        case .midpoint:
            .rungeKutta(Tableau(a: [[], [1.0 / 2]], b: [0, 1], order: 2))
        case .heun:
            .rungeKutta(Tableau(a: [[], [1]], b: [1.0 / 2, 1.0 / 2], order: 2))
        case .rk4:
            .rungeKutta(
                Tableau(
                    a: [[], [1.0 / 2], [0, 1.0 / 2], [0, 0, 1]],
                    b: [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6], order: 4))
        case .rk4ThreeEighths:
            .rungeKutta(
                Tableau(
                    a: [[], [1.0 / 3], [-1.0 / 3, 1], [1, -1, 1]],
                    b: [1.0 / 8, 3.0 / 8, 3.0 / 8, 1.0 / 8], order: 4))
        case .nystrom4: .nystrom(.nystrom4)
        case .dprkn4: .nystrom(.dprkn4)
        }
    }

    /// Whether it solves second-order systems only, and reads no velocity within a step.
    public var isNystrom: Bool { method.absorbsDamping }
}
