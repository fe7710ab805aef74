/// Solves a second-order system with an explicit method in fixed steps.
///
/// For a Runge-Kutta method the lift to first order, `z = [x, v]`, is written out, so that with `h` the step, stage `i` is
///
///     x[i] = x + h Σ_{j<i} a[i][j] v[j]        v[i] = v + h Σ_{j<i} a[i][j] s[j]        s[i] = S(x[i], v[i], t + c[i] h)
///
/// and a step ends with `x += h Σ b[i] v[i]`, `v += h Σ b[i] s[i]`. At order 1 `s` takes the place of `v`. For a Nyström
/// method see `integrateNystrom`.
public struct Integrator: Sendable {
    public let method: Method
    public let grid: TimeGrid
    public let order: Int
    /// Whether `x'(T)` is computed too; without it the last step leaves out every stage that only it would read.
    public let givesVelocity: Bool
    /// `γ`, where the method takes the damping out of the field.
    let damping: Double
    /// Which stages of the last step are evaluated.
    private let lastStep: [Bool]

    /// - Parameter damping: `γ`; read by Nyström methods, which are given `S` without its terms in `x'` (see `SecondOrderSystem`)
    ///   and solve at order 2 only.
    public init(
        _ solver: Solver, grid: TimeGrid, order: Int = 2, damping: Double = 0, givesVelocity: Bool = false
    ) {
        method = solver.method
        precondition(order == 2 || order == 1 && !solver.isNystrom, "a system is of order 1 or 2")
        self.grid = grid
        self.order = order
        self.damping = damping
        self.givesVelocity = givesVelocity
        lastStep =
            order == 2 && !givesVelocity
            ? method.stagesReachingPosition : [Bool](repeating: true, count: method.stages)
    }

    /// Whether a stage is evaluated, or needed by nothing or known already.
    func evaluates(_ stage: Int, of step: Int) -> Bool {
        if step > 0, stage == 0, method.reusesLastStage { return false }
        return step < grid.steps - 1 || lastStep[stage]
    }

    /// Evaluations of `S` for each row (NFE).
    public var evaluations: Int {
        let shared = method.reusesLastStage ? 1 : 0
        let all = grid.steps * (method.stages - shared) + shared
        return all - lastStep.count { !$0 }
    }

    /// How many numbers of workspace `integrate` needs.
    public func workspaceCount<System: SecondOrderSystem>(for system: System, rows: Int) -> Int {
        // One position and, for every stage, a velocity and an evaluation.
        rows * system.dimension * (1 + 2 * method.stages) + system.scratchCount(rows: rows)
    }

    /// Carries the state over the whole grid, in place.
    ///
    /// - Parameters:
    ///   - position: `x`, `[rows, D]`.
    ///   - velocity: `x'`, `[rows, D]`, nil at order 1; holds `x'(T)` afterwards only if `givesVelocity`.
    ///   - workspace: `workspaceCount(for:rows:)` numbers.
    public func integrate<System: SecondOrderSystem>(
        _ system: System, position: UnsafeMutablePointer<System.Scalar>,
        velocity: UnsafeMutablePointer<System.Scalar>?, rows: Int,
        workspace: UnsafeMutablePointer<System.Scalar>
    ) {
        precondition(system.order == order && (velocity != nil) == (order == 2), "the orders of both must agree")
        switch (method, velocity) {
        case (.rungeKutta(let tableau), _):
            integrate(tableau, system, position: position, velocity: velocity, rows: rows, workspace: workspace)
        case (.nystrom(let tableau), let velocity?):
            integrateNystrom(
                tableau.scheme(damping: damping, step: grid.step), system, position: position, velocity: velocity,
                rows: rows, workspace: workspace)
        case (.nystrom, nil): break
        }
    }

    private func integrate<System: SecondOrderSystem>(
        _ tableau: Tableau, _ system: System, position: UnsafeMutablePointer<System.Scalar>,
        velocity: UnsafeMutablePointer<System.Scalar>?, rows: Int,
        workspace: UnsafeMutablePointer<System.Scalar>
    ) {
        typealias S = System.Scalar
        let count = rows * system.dimension
        let stages = tableau.stages
        let h = grid.step
        let stagePosition = workspace
        let stageVelocity = (0..<stages).map { workspace + (1 + $0) * count }
        let slopes = (0..<stages).map { workspace + (1 + stages + $0) * count }
        let scratch = workspace + (1 + 2 * method.stages) * count

        for step in 0..<grid.steps {
            let isLast = step == grid.steps - 1
            // x' at each stage; the first is the state itself.
            var derivatives: [UnsafeMutablePointer<S>] = []
            for stage in 0..<stages {
                if let velocity {
                    let here = stage == 0 ? velocity : stageVelocity[stage]
                    if stage > 0 { advance(velocity, h, tableau.a[stage], slopes, into: here, count) }
                    derivatives.append(here)
                } else {
                    derivatives.append(slopes[stage])
                }
                guard evaluates(stage, of: step) else { continue }
                var here = position
                if stage > 0 {
                    here = stagePosition
                    advance(position, h, tableau.a[stage], derivatives, into: here, count)
                }
                system.evaluate(
                    time: grid.time(step) + tableau.c[stage] * h, position: here,
                    velocity: velocity == nil ? nil : derivatives[stage], rows: rows, scratch: scratch,
                    into: slopes[stage])
            }
            advance(position, h, tableau.b, derivatives, into: position, count)
            if let velocity, !isLast || givesVelocity {
                advance(velocity, h, tableau.b, slopes, into: velocity, count)
            }
        }
    }

    /// `y = base + h Σ coefficients[j] x[j]`; a zero coefficient leaves its term out, which may never have been computed.
    private func advance<S: KernelScalar>(
        _ base: UnsafeMutablePointer<S>, _ h: Double, _ coefficients: [Double], _ x: [UnsafeMutablePointer<S>],
        into y: UnsafeMutablePointer<S>, _ count: Int
    ) {
        let terms = coefficients.indices.filter { coefficients[$0] != 0 }
        S.combine(
            base, terms.map { S(h * coefficients[$0]) }, terms.map { UnsafePointer(x[$0]) }, into: y, count: count)
    }
}

extension Tableau {
    /// The stages whose evaluation of `S` reaches the position at the end of a step, at order 2.
    package var stagesReachingPosition: [Bool] {
        var evaluation = [Bool](repeating: false, count: stages)
        var velocity = [Bool](repeating: false, count: stages)
        for i in (0..<stages).reversed() {
            let later = i + 1..<stages
            // s[i] is read by the later v[j] that are read.
            evaluation[i] = later.contains { a[$0][i] != 0 && velocity[$0] }
            // v[i] is read by the position, by its own s[i], and by the later x[j] that are evaluated at.
            velocity[i] = b[i] != 0 || evaluation[i] || later.contains { a[$0][i] != 0 && evaluation[$0] }
        }
        return evaluation
    }
}
