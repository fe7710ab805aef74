import Dynamics

extension Solver {
    /// Each solver with each order of system that it solves.
    static var systems: [(solver: Solver, order: Int)] {
        allCases.map { ($0, 2) } + allCases.filter { !$0.isNystrom }.map { ($0, 1) }
    }
}
