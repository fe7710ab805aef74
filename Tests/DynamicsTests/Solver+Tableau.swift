import Dynamics

extension Solver {
    /// The solvers for any field.
    static var rungeKutta: [Solver] { allCases.filter { !$0.isNystrom } }
    /// Each solver with each order of system that it solves.
    static var systems: [(solver: Solver, order: Int)] {
        allCases.map { ($0, 2) } + rungeKutta.map { ($0, 1) }
    }

    var tableau: Tableau? {
        if case .rungeKutta(let tableau) = method { tableau } else { nil }
    }
    var nystrom: NystromTableau? {
        if case .nystrom(let tableau) = method { tableau } else { nil }
    }
}
