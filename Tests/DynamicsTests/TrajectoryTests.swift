import Dynamics
import Foundation
import Testing

@Suite("the way of a row")
struct TrajectoryTests {
    /// `x'' = -ω² x - γ x'` in each component, or `x' = -ω² x` at order 1.
    private struct Oscillator: SecondOrderSystem {
        var order = 2
        var dimension = 1
        var frequency = 1.0
        var damping = 0.0

        func evaluate(
            time: Double, position: UnsafePointer<Double>, velocity: UnsafePointer<Double>?, rows: Int,
            scratch: UnsafeMutablePointer<Double>, into result: UnsafeMutablePointer<Double>
        ) {
            for i in 0..<rows * dimension {
                result[i] = -frequency * frequency * position[i] - damping * (velocity?[i] ?? 0)
            }
        }
    }

    @Test("a pendulum that starts at 1 goes 4 in a period, turns round, and keeps its energy")
    func pendulum() throws {
        let system = Oscillator(frequency: 2)
        // A quarter past the period: from 1 to -1, back to 1, and down to 0.
        let way = try #require(
            Trajectory(system, position: [1], velocity: [0], horizon: 1.25 * .pi, steps: 2_000))
        #expect(abs(way.displacement - 1) < 1e-9)
        #expect(abs(way.length - 5) < 1e-5)
        #expect(way.reversals == 2)
        #expect(abs(way.largestSlope - 4) < 1e-9)
        // ½ x'² + ½ ω² x² = 2
        for (energy, x) in zip(way.energies, way.positions) { #expect(abs(energy + 2 * x[0] * x[0] - 2) < 1e-9) }
        #expect(abs((way.energies.max() ?? 0) - 2) < 1e-5)
    }

    @Test("on a circle the speed is steady: the length is the arc's, and the place is known at every node")
    func circle() throws {
        let way = try #require(
            Trajectory(Oscillator(dimension: 2), position: [1, 0], velocity: [0, 1], horizon: 2, steps: 64))
        #expect(abs(way.length - 2) < 1e-7)
        #expect(abs(way.displacement - 2 * sin(1)) < 1e-7)
        for (node, x) in way.positions.enumerated() {
            let time = Double(node) * way.step
            #expect(abs(x[0] - cos(time)) < 1e-7 && abs(x[1] - sin(time)) < 1e-7)
        }
        #expect(way.energies.allSatisfy { abs($0 - 0.5) < 1e-7 })
    }

    @Test("at order 1 the velocity is the slope, and the way of a decay is straight")
    func decay() throws {
        let way = try #require(
            Trajectory(Oscillator(order: 1), position: [1], velocity: [], horizon: 1, steps: 64))
        #expect(abs(way.length - (1 - exp(-1))) < 1e-8)
        #expect(abs(way.displacement - way.length) < 1e-8)
        #expect(way.reversals == 0)
        #expect(abs(way.energies[0] - 0.5) < 1e-12 && abs(way.energies[64] - 0.5 * exp(-2)) < 1e-8)
    }

    @Test("a row that runs away has no way")
    func runaway() {
        var system = Oscillator()
        system.damping = -1e200
        #expect(Trajectory(system, position: [1], velocity: [1], horizon: 10, steps: 8) == nil)
    }

    @Test("the spectral radius is that of known eigenvalues: complex pairs, real ones, and none")
    func radius() {
        func radius(_ system: Oscillator) -> Double {
            let velocity = [Double](repeating: 0.2, count: system.order == 2 ? system.dimension : 0)
            return SpectralRadius.estimate(
                system, time: 0, position: [Double](repeating: 0.3, count: system.dimension), velocity: velocity)
        }
        // λ = ±3i
        #expect(abs(radius(Oscillator(dimension: 3, frequency: 3)) - 3) < 1e-6)
        // λ² + 5 λ + 4 = 0: -1 and -4
        #expect(abs(radius(Oscillator(dimension: 2, frequency: 2, damping: 5)) - 4) < 1e-6)
        #expect(abs(radius(Oscillator(order: 1, dimension: 2, frequency: 3)) - 9) < 1e-6)
        #expect(radius(Oscillator(order: 1, frequency: 0)) == 0)
    }
}
