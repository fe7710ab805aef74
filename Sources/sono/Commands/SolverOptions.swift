import ArgumentParser
import Dynamics
import Refinement

/// The names of solvers on the command line are the model file's.
extension Solver: ExpressibleByArgument {}
extension RefinementForm: ExpressibleByArgument {}

/// A solver and a number of steps other than the model's own.
struct SolverOptions: ParsableArguments {
    @Option(help: "Solve with this method instead of the model's own: \(Solver.names).")
    var solver: Solver?

    @Option(help: "Take this many steps instead of the model's own.")
    var steps: Int?
}

extension Solver {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
