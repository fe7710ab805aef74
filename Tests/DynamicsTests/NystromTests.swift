import Dynamics
import Testing

@Suite("Nyström methods")
struct NystromTests {
    @Test(
        "every tableau meets the order conditions of y'' = g(t, y) up to 4, for y and for y'",
        arguments: [Solver.nystrom4, .dprkn4])
    func orderConditions(solver: Solver) throws {
        let tableau = try #require(solver.nystrom)
        let c = tableau.c
        func sum(_ weights: [Double], _ values: [Double]) -> Double {
            zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 }
        }
        func apply(_ x: [Double]) -> [Double] { tableau.a.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } } }
        func power(_ n: Int) -> [Double] { c.map { node in (0..<n).reduce(1) { value, _ in value * node } } }
        // Hairer, Nørsett and Wanner, section II.14, table 14.3.
        let (b, bBar) = (tableau.velocity, tableau.position)
        let defects = [
            sum(b, power(0)) - 1, sum(b, power(1)) - 1.0 / 2, sum(b, power(2)) - 1.0 / 3,
            sum(b, apply(power(0))) - 1.0 / 6, sum(b, power(3)) - 1.0 / 4,
            sum(b, zip(c, apply(power(0))).map { $0 * $1 }) - 1.0 / 8, sum(b, apply(c)) - 1.0 / 24,
            sum(bBar, power(0)) - 1.0 / 2, sum(bBar, power(1)) - 1.0 / 6, sum(bBar, power(2)) - 1.0 / 12,
            sum(bBar, apply(power(0))) - 1.0 / 24,
        ]
        for defect in defects { #expect(abs(defect) < 1e-15) }
        // Not of order 5.
        #expect(abs(sum(bBar, apply(c)) - 1.0 / 120) > 1e-4)
        for (stage, row) in tableau.a.enumerated() { #expect(row.count == stage) }
        #expect(tableau.reusesLastStage == (solver == .dprkn4))
    }

    @Test("without damping a step is the tableau as it stands", arguments: [Solver.nystrom4, .dprkn4])
    func undamped(solver: Solver) throws {
        let tableau = try #require(solver.nystrom)
        let scheme = tableau.scheme(damping: 0, step: 0.25)
        #expect(scheme.drifts == tableau.c && scheme.nodes == tableau.c)
        #expect(scheme.stagePositions == tableau.a)
        #expect(scheme.position == tableau.position && scheme.velocity == tableau.velocity)
        #expect(scheme.drift == 1 && scheme.retention == 1)
    }

    @Test(
        "without a field a damped row goes and slows down as the exact solution does, to the fifth power of the step",
        arguments: [Solver.nystrom4, .dprkn4])
    func fieldFree(solver: Solver) throws {
        let tableau = try #require(solver.nystrom)
        // v(h) = exp(-γh) v and x(h) - x = (1 - exp(-γh)) / γ · v
        func errors(_ h: Double) -> (drift: Double, retention: Double) {
            let scheme = tableau.scheme(damping: 1, step: h)
            let decay = exponential(-h)
            return (abs(h * scheme.drift - (1 - decay)), abs(scheme.retention - decay))
        }
        for h in [0.1, 0.05] {
            let (coarse, fine) = (errors(h), errors(h / 2))
            #expect(coarse.drift / fine.drift > 28, "\(coarse) \(fine)")
            #expect(coarse.retention / fine.retention > 28, "\(coarse) \(fine)")
        }
    }

    @Test("the derivative of every coefficient is its slope by central differences", arguments: [0, 0.3, 2.5])
    func derivatives(damping: Double) throws {
        for solver in [Solver.nystrom4, .dprkn4] {
            let tableau = try #require(solver.nystrom)
            let slope = tableau.schemeSlope(damping: damping, step: 0.5).coefficients
            let width = 1e-5
            let above = tableau.scheme(damping: damping + width, step: 0.5).coefficients
            let below = tableau.scheme(damping: damping - width, step: 0.5).coefficients
            #expect(slope.contains { abs($0) > 1e-3 })
            for i in slope.indices { #expect(abs((above[i] - below[i]) / (2 * width) - slope[i]) < 1e-9) }
        }
    }

    private func exponential(_ x: Double) -> Double {
        (0..<30).reversed().reduce(1) { sum, n in 1 + x / Double(n + 1) * sum }
    }
}

extension SecondOrderScheme {
    fileprivate var coefficients: [Double] {
        drifts + stagePositions.joined() + [drift, retention] + position + velocity
    }
}
