import Dynamics
import Testing

@Suite("Tableaux")
struct TableauTests {
    @Test(
        "every tableau meets all order conditions up to its order, and not all of the next",
        arguments: Solver.rungeKutta)
    func orderConditions(solver: Solver) throws {
        let tableau = try #require(solver.tableau)
        for order in 1...tableau.order {
            for defect in conditions(tableau, order: order) { #expect(abs(defect) < 1e-15) }
        }
        if tableau.order < 4 {
            #expect(conditions(tableau, order: tableau.order + 1).contains { abs($0) > 1e-3 })
        }
    }

    @Test("dopri5 meets all conditions up to order 5, its embedded weights those up to 4")
    func dormandPrince() {
        let tableau = DormandPrince.tableau
        for order in 1...5 {
            for defect in conditions(tableau, order: order) { #expect(abs(defect) < 2e-15) }
        }
        for order in 1...4 {
            for defect in conditions(tableau, order: order, weights: DormandPrince.embedded) {
                #expect(abs(defect) < 2e-15)
            }
        }
        #expect(conditions(tableau, order: 5, weights: DormandPrince.embedded).contains { abs($0) > 1e-4 })
    }

    @Test("every tableau is explicit and consistent", arguments: Solver.rungeKutta)
    func shape(solver: Solver) throws {
        let tableau = try #require(solver.tableau)
        #expect(tableau.a.count == tableau.stages && tableau.c.count == tableau.stages)
        for (stage, row) in tableau.a.enumerated() {
            #expect(row.count == stage)
            #expect(abs(row.reduce(0, +) - tableau.c[stage]) < 1e-15)
        }
    }

    @Test("solvers have the names that model files use")
    func names() {
        let names = ["euler", "midpoint", "heun", "rk4", "rk4-38", "nystrom4", "dprkn4"]
        #expect(Solver.allCases.map(\.rawValue) == names)
    }

    @Test("the real stability bound is that of the method's own polynomial")
    func stability() {
        let bounds = Solver.rungeKutta.compactMap { $0.tableau?.realStabilityBound }
        // The fourth-order methods share 1 + z + z²/2 + z³/6 + z⁴/24, which leaves [-1, 1] at z = -2.785293563405282.
        #expect(bounds.count == 5)
        let expected = [2, 2, 2, 2.785_293_563_405_282, 2.785_293_563_405_282]
        for (bound, value) in zip(bounds, expected) { #expect(abs(bound - value) < 1e-6) }
    }

    @Test("the last step leaves out the evaluations that only the velocity would read")
    func evaluations() {
        func count(_ solver: Solver, steps: Int, order: Int = 2, givesVelocity: Bool = false) -> Int {
            let grid = TimeGrid(steps: steps, horizon: 1)
            return Integrator(solver, grid: grid, order: order, givesVelocity: givesVelocity).evaluations
        }
        #expect(count(.euler, steps: 1) == 0)
        #expect(count(.euler, steps: 3) == 2)
        #expect(count(.midpoint, steps: 1) == 1)
        #expect(count(.heun, steps: 1) == 1)
        #expect(count(.rk4, steps: 4) == 15)
        #expect(count(.rk4ThreeEighths, steps: 1) == 3)
        #expect(count(.rk4, steps: 4, givesVelocity: true) == 16)
        #expect(count(.rk4, steps: 4, order: 1) == 16)
        #expect(count(.nystrom4, steps: 1) == 2)
        #expect(count(.nystrom4, steps: 4) == 11)
        #expect(count(.nystrom4, steps: 4, givesVelocity: true) == 12)
        // The last stage of a step is the first of the next.
        #expect(count(.dprkn4, steps: 1) == 3)
        #expect(count(.dprkn4, steps: 4) == 12)
        #expect(count(.dprkn4, steps: 4, givesVelocity: true) == 13)
    }

    /// The order conditions of a tableau, one for each rooted tree of `order` nodes (Hairer, Nørsett and Wanner, II.2),
    /// as left side minus right side.
    private func conditions(_ tableau: Tableau, order: Int, weights: [Double]? = nil) -> [Double] {
        let b = weights ?? tableau.b
        let c = tableau.c
        func sum(_ values: [Double]) -> Double { zip(b, values).reduce(0) { $0 + $1.0 * $1.1 } }
        func apply(_ x: [Double]) -> [Double] { tableau.a.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } } }
        func times(_ x: [Double], _ y: [Double]) -> [Double] { zip(x, y).map { $0 * $1 } }
        let square = times(c, c)
        switch order {
        case 1: return [b.reduce(0, +) - 1]
        case 2: return [sum(c) - 1.0 / 2]
        case 3: return [sum(square) - 1.0 / 3, sum(apply(c)) - 1.0 / 6]
        case 4:
            return [
                sum(times(square, c)) - 1.0 / 4, sum(times(c, apply(c))) - 1.0 / 8,
                sum(apply(square)) - 1.0 / 12, sum(apply(apply(c))) - 1.0 / 24,
            ]
        default:
            let second = apply(c)
            return [
                sum(times(square, square)) - 1.0 / 5, sum(times(square, second)) - 1.0 / 10,
                sum(times(second, second)) - 1.0 / 20, sum(times(c, apply(square))) - 1.0 / 15,
                sum(apply(times(square, c))) - 1.0 / 20, sum(times(c, apply(second))) - 1.0 / 30,
                sum(apply(times(c, second))) - 1.0 / 40, sum(apply(apply(square))) - 1.0 / 60,
                sum(apply(apply(second))) - 1.0 / 120,
            ]
        }
    }
}
