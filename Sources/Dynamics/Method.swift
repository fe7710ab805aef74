/// How a solver takes a step.
public enum Method: Sendable, Equatable {
    /// For any field, as a first-order system of position and velocity.
    case rungeKutta(Tableau)
    /// For fields `S = f(x, t) - γ x'`, into which the velocity enters as damping alone.
    case nystrom(NystromTableau)

    public var stages: Int {
        switch self {
        case .rungeKutta(let tableau): tableau.stages
        case .nystrom(let tableau): tableau.stages
        }
    }

    public var order: Int {
        switch self {
        case .rungeKutta(let tableau): tableau.order
        case .nystrom(let tableau): tableau.order
        }
    }

    /// When each stage is evaluated, in steps.
    public var nodes: [Double] {
        switch self {
        case .rungeKutta(let tableau): tableau.c
        case .nystrom(let tableau): tableau.c
        }
    }

    /// Whether a step's last evaluation is the next one's first.
    public var reusesLastStage: Bool {
        switch self {
        case .rungeKutta: false
        case .nystrom(let tableau): tableau.reusesLastStage
        }
    }

    /// The stages whose evaluation of `S` reaches the position at the end of a step, at order 2.
    public var stagesReachingPosition: [Bool] {
        switch self {
        case .rungeKutta(let tableau): tableau.stagesReachingPosition
        case .nystrom(let tableau): tableau.stagesReachingPosition
        }
    }
}

extension NystromTableau {
    fileprivate var stagesReachingPosition: [Bool] {
        var reaching = position.map { $0 != 0 }
        for i in (0..<stages).reversed() where !reaching[i] {
            reaching[i] = (i + 1..<stages).contains { reaching[$0] && a[$0][i] != 0 }
        }
        return reaching
    }
}
