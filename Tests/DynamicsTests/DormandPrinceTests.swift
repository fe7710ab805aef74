import Dynamics
import Glibc
import Testing

@Suite("The auditor, dopri5")
struct DormandPrinceTests {
    @Test("a damped oscillator ends where its closed form does, as closely as asked", arguments: [1e-4, 1e-7, 1e-10])
    func oscillator(tolerance: Double) throws {
        let solution = try #require(
            DormandPrince(tolerance: tolerance).solve(
                Oscillator(), position: [1, -0.5], velocity: [0.3, 2], horizon: 3))
        for (i, (x0, v0)) in [(1.0, 0.3), (-0.5, 2.0)].enumerated() {
            let end = Oscillator.end(x0, v0, 3)
            #expect(abs(solution.position[i] - end.x) < 30 * tolerance)
            #expect(abs(solution.velocity[i] - end.v) < 30 * tolerance)
        }
    }

    @Test("a closer tolerance takes more evaluations")
    func cost() throws {
        let evaluations = try [1e-4, 1e-7, 1e-10].map {
            try #require(
                DormandPrince(tolerance: $0).solve(Oscillator(), position: [1, 0], velocity: [0, 1], horizon: 3)
            ).evaluations
        }
        #expect(evaluations == evaluations.sorted() && Set(evaluations).count == 3)
    }

    @Test("it agrees with rk4 in very many steps, at order 2 and 1", arguments: [2, 1])
    func fixedSteps(order: Int) throws {
        var state = TestState<Double>()
        let start = state
        state.integrate(.rk4, TimeGrid(steps: 20_000, horizon: 2), order: order)
        let solution = try #require(
            DormandPrince(tolerance: 1e-12).solve(
                TestSystem<Double>(order: order), position: start.position,
                velocity: order == 2 ? start.velocity : [], horizon: 2))
        #expect(distance(solution.position, state.position) < 1e-11)
        if order == 2 { #expect(distance(solution.velocity, state.velocity) < 1e-11) }
    }

    @Test("backwards in time it returns to the start")
    func reversal() throws {
        let method = DormandPrince(tolerance: 1e-12)
        let oscillator = Oscillator(damping: 0)
        let out = try #require(method.solve(oscillator, position: [1, 2], velocity: [3, -4], horizon: 1))
        let back = try #require(
            method.solve(oscillator, position: out.position, velocity: out.velocity, horizon: -1))
        #expect(distance(back.position, [1, 2]) < 1e-9 && distance(back.velocity, [3, -4]) < 1e-9)
    }

    @Test("a solution that runs away is given up, not followed for ever")
    func explosion() {
        // x'' = x² from (1, 1) is infinite before t = 4.
        let solution = DormandPrince(tolerance: 1e-8, mostSteps: 5_000).solve(
            Square(), position: [1], velocity: [1], horizon: 4)
        #expect(solution == nil)
    }
}

/// `x'' = -9 x - γ x'`, the components apart.
private struct Oscillator: SecondOrderSystem {
    typealias Scalar = Double
    let dimension = 2
    var damping = 0.8

    func evaluate(
        time: Double, position: UnsafePointer<Double>, velocity: UnsafePointer<Double>?, rows: Int,
        scratch: UnsafeMutablePointer<Double>, into result: UnsafeMutablePointer<Double>
    ) {
        for i in 0..<rows * dimension { result[i] = -9 * position[i] - damping * (velocity?[i] ?? 0) }
    }

    /// With `δ = γ / 2` and `ω² = 9 - δ²`: `x = e^-δt (x0 cos ωt + (v0 + δ x0) / ω sin ωt)`.
    static func end(_ x0: Double, _ v0: Double, _ t: Double) -> (x: Double, v: Double) {
        let delta = 0.4
        let omega = (9 - delta * delta).squareRoot()
        let (a, b) = (x0, (v0 + delta * x0) / omega)
        let decay = exp(-delta * t)
        let x = decay * (a * cos(omega * t) + b * sin(omega * t))
        return (x, -delta * x + decay * omega * (b * cos(omega * t) - a * sin(omega * t)))
    }
}

private struct Square: SecondOrderSystem {
    typealias Scalar = Double
    let dimension = 1

    func evaluate(
        time: Double, position: UnsafePointer<Double>, velocity: UnsafePointer<Double>?, rows: Int,
        scratch: UnsafeMutablePointer<Double>, into result: UnsafeMutablePointer<Double>
    ) {
        for row in 0..<rows { result[row] = position[row] * position[row] }
    }
}
