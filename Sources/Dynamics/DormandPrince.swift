import Glibc

/// Dormand and Prince's method of order 5 with the embedded one of order 4, known as dopri5: steps are chosen by the
/// method's own estimate of its error.
///
/// The auditor: it says how far a solution in fixed steps is from the equation's. It never serves, since what it costs
/// depends on the row. Rows are solved one by one, so that none has a say in another's steps.
///
/// Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.4 (steps) and table II.5.2.
public struct DormandPrince: Sendable {
    /// A step's estimated error is kept below `tolerance · (1 + |z|)` in each component, root mean square over them.
    public let tolerance: Double
    /// Attempts after which a row is given up: its solution runs away, or the tolerance is out of reach.
    public let mostSteps: Int

    public init(tolerance: Double = 1e-10, mostSteps: Int = 100_000) {
        precondition(tolerance > 0, "no error at all cannot be asked for")
        self.tolerance = tolerance
        self.mostSteps = mostSteps
    }

    /// Where a row ends, and what that took.
    public struct Solution: Sendable, Equatable {
        /// `x(T)`, `[D]`.
        public var position: [Double]
        /// `x'(T)`, `[D]`; empty at order 1.
        public var velocity: [Double]
        /// Evaluations of `S` (NFE), those of rejected steps included.
        public var evaluations: Int
    }

    /// Solves one row from `t = 0` to `horizon`, which may be negative.
    ///
    /// - Parameters:
    ///   - position: `x(0)`, `[D]`.
    ///   - velocity: `x'(0)`, `[D]`; empty at order 1.
    /// - Returns: nil if the horizon is not reached within `mostSteps` attempts.
    public func solve<System: SecondOrderSystem>(
        _ system: System, position: [Double], velocity: [Double], horizon: Double
    ) -> Solution? where System.Scalar == Double {
        let d = system.dimension
        precondition(
            position.count == d && velocity.count == (system.order == 2 ? d : 0), "one row, of the system's order")
        var slope = Slope(system)
        var z = position + velocity
        var k = [slope(0, z)]
        var time = 0.0
        var h = horizon / 100
        for _ in 0..<mostSteps {
            if abs(time + h) >= abs(horizon) { h = horizon - time }
            let (end, error) = step(from: z, at: time, h, &k, &slope)
            // NaN is no success.
            if error <= 1 {
                time += h
                z = end
                guard time != horizon else {
                    return Solution(
                        position: Array(z[..<d]), velocity: Array(z[d...]), evaluations: slope.evaluations)
                }
                // The last stage of a step is the first of the next.
                k = [k[Self.tableau.stages - 1]]
            } else {
                k = [k[0]]
            }
            let factor = error > 0 ? 0.9 * pow(error, -0.2) : 5
            h *= error.isFinite ? min(5, max(0.2, factor)) : 0.2
            guard time + h != time else { return nil }
        }
        return nil
    }

    /// - Parameter k: the first slope; receives all of them.
    /// - Returns: the state a step later, and its error in units of what is allowed.
    private func step<System>(
        from z: [Double], at time: Double, _ h: Double, _ k: inout [[Double]], _ slope: inout Slope<System>
    ) -> (end: [Double], error: Double) {
        let tableau = Self.tableau
        var stage = z
        for i in 1..<tableau.stages {
            stage = z
            for (a, slope) in zip(tableau.a[i], k) where a != 0 {
                for n in stage.indices { stage[n] += h * a * slope[n] }
            }
            k.append(slope(time + tableau.c[i] * h, stage))
        }
        // The last stage stands at the end of the step: its row of a is b.
        var sum = 0.0
        for n in z.indices {
            let error = h * zip(Self.errorWeights, k).reduce(0) { $0 + $1.0 * $1.1[n] }
            let allowed = tolerance * (1 + max(abs(z[n]), abs(stage[n])))
            sum += (error / allowed) * (error / allowed)
        }
        return (stage, (sum / Double(z.count)).squareRoot())
    }

    /// `z' = [x', S(x, x', t)]`, or `x' = S(x, t)` at order 1.
    private struct Slope<System: SecondOrderSystem>: ~Copyable where System.Scalar == Double {
        let system: System
        let scratch: Workspace<Double>
        var evaluations = 0

        init(_ system: System) {
            self.system = system
            scratch = Workspace(count: system.scratchCount(rows: 1))
        }

        mutating func callAsFunction(_ time: Double, _ z: [Double]) -> [Double] {
            evaluations += 1
            let d = system.dimension
            var result = Array(z[d...]) + [Double](repeating: 0, count: d)
            let start = result.count - d
            z.withUnsafeBufferPointer { z in
                result.withUnsafeMutableBufferPointer { result in
                    guard let z = z.baseAddress, let result = result.baseAddress else { return }
                    system.evaluate(
                        time: time, position: z, velocity: system.order == 2 ? z + d : nil, rows: 1,
                        scratch: scratch.base, into: result + start)
                }
            }
            return result
        }
    }

    package static let tableau = Tableau(
        a: [
            [],
            [1.0 / 5],
            [3.0 / 40, 9.0 / 40],
            [44.0 / 45, -56.0 / 15, 32.0 / 9],
            [19_372.0 / 6_561, -25_360.0 / 2_187, 64_448.0 / 6_561, -212.0 / 729],
            [9_017.0 / 3_168, -355.0 / 33, 46_732.0 / 5_247, 49.0 / 176, -5_103.0 / 18_656],
            [35.0 / 384, 0, 500.0 / 1_113, 125.0 / 192, -2_187.0 / 6_784, 11.0 / 84],
        ],
        b: [35.0 / 384, 0, 500.0 / 1_113, 125.0 / 192, -2_187.0 / 6_784, 11.0 / 84, 0], order: 5)

    /// The weights of order 4, beside `b`.
    package static let embedded = [
        5_179.0 / 57_600, 0, 7_571.0 / 16_695, 393.0 / 640, -92_097.0 / 339_200, 187.0 / 2_100, 1.0 / 40,
    ]

    private static let errorWeights = zip(tableau.b, embedded).map { $0 - $1 }
}
