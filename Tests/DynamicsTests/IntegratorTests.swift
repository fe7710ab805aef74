import Dynamics
import Testing

@Suite("Integrator")
struct IntegratorTests {
    private let counts = [16, 32, 64, 128]
    private let horizon = 1.0

    @Test("position and velocity converge at the method's order", arguments: Solver.allCases)
    func convergence(solver: Solver) {
        var exact = TestState<Double>()
        exact.integrate(.rk4, TimeGrid(steps: 12_800, horizon: horizon), couplesVelocity: !solver.isNystrom)
        let states = counts.map { steps in
            var state = TestState<Double>()
            state.integrate(solver, TimeGrid(steps: steps, horizon: horizon))
            return state
        }
        let order = Double(solver.method.order)
        let x = slope(states.map { distance($0.position, exact.position) })
        let v = slope(states.map { distance($0.velocity, exact.velocity) })
        #expect(abs(x - order) < 0.15, "x: \(x)")
        #expect(abs(v - order) < 0.15, "v: \(v)")
    }

    @Test("the first-order control converges at the method's order", arguments: Solver.rungeKutta)
    func firstOrderConvergence(solver: Solver) {
        var exact = TestState<Double>()
        exact.integrate(.rk4, TimeGrid(steps: 12_800, horizon: horizon), order: 1)
        let errors = counts.map { steps in
            var state = TestState<Double>()
            state.integrate(solver, TimeGrid(steps: steps, horizon: horizon), order: 1)
            return distance(state.position, exact.position)
        }
        let x = slope(errors)
        #expect(abs(x - Double(solver.method.order)) < 0.15, "x: \(x)")
    }

    @Test(
        "integrating the full state back leaves an error of slope 1, 3, 3, 5, 5",
        arguments: zip(Solver.rungeKutta, [1.0, 3, 3, 5, 5]))
    func reversal(solver: Solver, expected: Double) {
        let start = TestState<Double>()
        let errors = counts.map { steps in
            var state = start
            state.integrate(solver, TimeGrid(steps: steps, horizon: horizon))
            state.integrate(solver, TimeGrid(steps: steps, horizon: -horizon, start: horizon))
            return max(distance(state.position, start.position), distance(state.velocity, start.velocity))
        }
        let found = slope(errors)
        #expect(abs(found - expected) < 0.15, "\(found) from \(errors)")
    }

    @Test("the position has the same bits whether the velocity is wanted or not", arguments: Solver.allCases)
    func skippedStages(solver: Solver) {
        for steps in 1...3 {
            var full = TestState<Float>()
            full.integrate(solver, TimeGrid(steps: steps, horizon: 1))
            var short = TestState<Float>()
            short.integrate(solver, TimeGrid(steps: steps, horizon: 1), givesVelocity: false)
            #expect(full.position == short.position)
        }
    }

    @Test("a row has the same bits in any company", arguments: Solver.allCases)
    func rowsAreIndependent(solver: Solver) {
        let grid = TimeGrid(steps: 3, horizon: 1)
        var batch = TestState<Float>(position: [], velocity: [])
        for row in 0..<19 {
            batch.position += (0..<3).map { Float(row * 3 + $0) / 50 - 0.5 }
            batch.velocity += (0..<3).map { 0.3 - Float(row * 5 + $0) / 70 }
        }
        let start = batch
        batch.integrate(solver, grid)
        for row in 0..<19 {
            let range = row * 3..<row * 3 + 3
            var alone = TestState<Float>(
                position: Array(start.position[range]), velocity: Array(start.velocity[range]))
            alone.integrate(solver, grid)
            #expect(alone.position == Array(batch.position[range]))
            #expect(alone.velocity == Array(batch.velocity[range]))
        }
    }
}
