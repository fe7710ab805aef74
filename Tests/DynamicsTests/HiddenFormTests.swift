import Dynamics
import Testing

@Suite("Hidden-space form")
struct HiddenFormTests {
    @Test(
        "in Double it gives x(T) of the field itself to 1e-12, for every solver, order, activation and start",
        arguments: Solver.systems)
    func agreesInDouble(solver: Solver, order: Int) {
        for activation in Activation.allCases {
            for variation in Variation.all(order: order, solver) {
                let system = HiddenSystem<Double>(variation, activation: activation, order: order)
                for steps in [1, 2, 3, 4] where order == 1 || solver != .euler || steps > 1 {
                    let difference = system.difference(solver, steps: steps)
                    #expect(difference <= 1e-12, "\(activation) \(variation) \(steps) steps")
                }
            }
        }
    }

    @Test(
        "in Float it gives x(T) of the field in Double to 1e-5, for every solver, order, activation and start",
        arguments: Solver.systems)
    func agreesInFloat(solver: Solver, order: Int) {
        for activation in Activation.allCases {
            for variation in Variation.all(order: order, solver) {
                let system = HiddenSystem<Float>(variation, activation: activation, order: order)
                #expect(system.difference(solver, steps: 3) <= 1e-5, "\(activation) \(variation)")
            }
        }
    }

    @Test("a row has the same bits in any company", arguments: Solver.allCases)
    func rowsAreIndependent(solver: Solver) {
        let variation = Variation(start: .supplied, damping: 0.5, readsVelocity: !solver.isNystrom)
        let system = HiddenSystem<Float>(variation, activation: .gelu, order: 2)
        let whole = system.hidden(solver, steps: 2).joined().map(\.bitPattern)
        for count in [1, 2, 5, 6, 7, 11] {
            let part = system.hidden(solver, steps: 2, rows: count).joined().map(\.bitPattern)
            #expect(part == Array(whole.prefix(part.count)))
        }
    }

    @Test("the counted operations are those of the products that are executed, one by one", arguments: Solver.systems)
    func operations(solver: Solver, order: Int) {
        for variation in Variation.all(order: order, solver) {
            for steps in [2, 3] {
                let system = HiddenSystem<Double>(variation, activation: .tanh, order: order)
                let counted = HiddenForm<Double>.operations(
                    system.shape, method: solver.method, grid: TimeGrid(steps: steps, horizon: 1))
                #expect(counted == HiddenCount(system.shape, solver, steps: steps).operations, "\(variation)")
            }
        }
    }

    @Test("the classical method in four steps costs what the formulas say")
    func formulas() {
        var shape = HiddenShape(
            order: 2, dimension: 512, hidden: 256, start: .supplied, readsVelocity: true, damping: 0, mix: 1)
        let grid = TimeGrid(steps: 4, horizon: 1)
        func operations(_ solver: Solver = .rk4) -> Int {
            HiddenForm<Float>.operations(shape, method: solver.method, grid: grid)
        }
        // Wx x0 + Wv v0, Wx v0 and W2 β; two products of [H, H] a stage, none in the first and one in the second.
        let (dh, hh) = (512 * 256, 256 * 256)
        #expect(operations() == 8 * dh + 2 * (8 * 4 - 5) * hh)
        shape.start = .zero
        #expect(operations() == 4 * dh + 2 * (8 * 4 - 5) * hh)
        shape.start = .network(width: 32)
        #expect(operations() == 4 * dh + 4 * 512 * 32 + 4 * 32 * 256 + 2 * (8 * 4 - 5) * hh)
        shape.readsVelocity = false
        shape.start = .zero
        // The second stage of the first step has moved no position yet.
        #expect(operations() == 4 * dh + 2 * (4 * 4 - 3) * hh)
        // Twelve evaluations, and one product of [H, H] in each but the first, which is at x0.
        #expect(operations(.dprkn4) == 4 * dh + 2 * 11 * hh)
        shape.order = 1
        #expect(operations() == 4 * dh + 2 * (4 * 4 - 1) * hh)
    }
}
