import Dynamics

/// How a refiner gets from the unit vectors `x0` to `x(T)`, for one tile.
///
/// The worker's memory begins with two tiles `[rows, D]` in every form: `y`, and after it `x0`.
enum Solution: Sendable {
    /// Order 0: `x(T) = x0`.
    case none(dimension: Int)
    case direct(DirectSolution)
    case hidden(HiddenSolution)

    /// How many numbers of memory `solve` needs.
    var workspaceCount: Int {
        switch self {
        case .none(let dimension): 2 * Tile<Float>.count(dimension)
        case .direct(let solution): solution.workspaceCount
        case .hidden(let solution): solution.workspaceCount
        }
    }

    /// Solves, and mixes: `y = x0 + m (x(T) - x0)`.
    ///
    /// - Parameters:
    ///   - velocity: `[rows, D]`, instead of the model's own; nil at order below 2.
    ///   - memory: `workspaceCount` numbers, `x0` in its place.
    /// - Returns: where `x(T)` stands; at 0, as `y`, where it is not mixed with `x0`.
    func solve(rows: Int, velocity: UnsafePointer<Float>?, memory: UnsafeMutablePointer<Float>) -> Int {
        switch self {
        case .none(let dimension):
            let count = Tile<Float>.count(dimension)
            memory.update(from: memory + count, count: count)
            return 0
        case .direct(let solution): return solution.solve(rows: rows, velocity: velocity, memory: memory)
        case .hidden(let solution): return solution.solve(rows: rows, velocity: velocity, memory: memory)
        }
    }
}
