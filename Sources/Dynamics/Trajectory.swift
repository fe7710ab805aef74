/// The way of one row through a second-order system, in equal steps of the classical fourth-order method, written as it
/// stands in the books and in double precision: to look at, never to serve.
///
/// At order 1 the velocity is the slope, `x' = S(x, t)`.
public struct Trajectory: Sendable {
    /// The length of a step, in the model's time unit.
    public let step: Double
    /// `x`, `x'` and `S` at both ends and between the steps, `[nodes, D]`.
    public private(set) var positions: [[Double]]
    public private(set) var velocities: [[Double]]
    public private(set) var slopes: [[Double]]

    /// - Parameters:
    ///   - position: `x(0)`, `[D]`.
    ///   - velocity: `x'(0)`, `[D]`; empty at order 1.
    ///   - steps: even, for Simpson's rule; the error of the places is `O(steps^-4)`.
    /// - Returns: nil if the row runs away: something is not finite.
    public init?<System: SecondOrderSystem>(
        _ system: System, position: [Double], velocity: [Double], horizon: Double, steps: Int
    ) where System.Scalar == Double {
        precondition(steps > 0 && steps.isMultiple(of: 2), "Simpson's rule takes intervals in pairs")
        let grid = TimeGrid(steps: steps, horizon: horizon)
        let field = PointwiseField(system)
        step = grid.step
        (positions, velocities, slopes) = ([], [], [])
        var (x, v) = (position, velocity)
        func moved(_ from: [Double], _ by: [Double], _ factor: Double) -> [Double] {
            zip(from, by).map { $0 + factor * $1 }
        }
        for index in 0...steps {
            let time = grid.time(index)
            let first = field(time, x, v)
            positions.append(x)
            velocities.append(system.order == 2 ? v : first)
            slopes.append(first)
            guard (x + v + first).allSatisfy(\.isFinite) else { return nil }
            guard index < steps else { break }
            let h = step
            func weighted(_ k: [[Double]]) -> [Double] {
                k[0].indices.map { (k[0][$0] + 2 * k[1][$0] + 2 * k[2][$0] + k[3][$0]) / 6 }
            }
            // k for the velocity, l for the position, whose slope is the velocity at order 2.
            var (k, l) = ([first], [system.order == 2 ? v : first])
            for node in [0.5, 0.5, 1.0] {
                let (slope, drift) = (k[k.count - 1], l[l.count - 1])
                let ahead = system.order == 2 ? moved(v, slope, node * h) : []
                k.append(field(time + node * h, moved(x, drift, node * h), ahead))
                l.append(system.order == 2 ? ahead : k[k.count - 1])
            }
            x = moved(x, weighted(l), h)
            if system.order == 2 { v = moved(v, weighted(k), h) }
        }
    }

    /// `|x(T) - x(0)|`
    public var displacement: Double { Self.norm(way) }

    /// `∫ |x'| dt`, by Simpson's rule: never less than the displacement but by the rule's error.
    public var length: Double {
        let speeds = velocities.map(Self.norm)
        let last = speeds.count - 1
        let sum = speeds.enumerated().reduce(0) { sum, node in
            sum + (node.offset == 0 || node.offset == last ? 1 : node.offset.isMultiple(of: 2) ? 2 : 4) * node.element
        }
        return abs(step) / 3 * sum
    }

    /// `½ |x'|²` at each node.
    public var energies: [Double] {
        velocities.map { $0.reduce(0) { $0 + $1 * $1 } / 2 }
    }

    /// How often the row turns round on its way: sign changes of the velocity along the displacement, `x' · (x(T) - x(0))`,
    /// from node to node; zeros are passed over.
    public var reversals: Int {
        let way = way
        let signs = velocities.map { Self.dot($0, way) }.filter { $0 != 0 }.map { $0 > 0 }
        return zip(signs, signs.dropFirst()).count { $0 != $1 }
    }

    /// The largest `|S|` at any node.
    public var largestSlope: Double { slopes.map(Self.norm).max() ?? 0 }

    private var way: [Double] { zip(positions[positions.count - 1], positions[0]).map { $0 - $1 } }

    static func norm(_ x: [Double]) -> Double { dot(x, x).squareRoot() }
    static func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
}

/// A system for one row at a time, with arrays for arguments.
struct PointwiseField<System: SecondOrderSystem>: ~Copyable where System.Scalar == Double {
    let system: System
    private let scratch: Workspace<Double>

    init(_ system: System) {
        self.system = system
        scratch = Workspace(count: system.scratchCount(rows: 1))
    }

    /// `S(x, x', t)`, `[D]`.
    func callAsFunction(_ time: Double, _ position: [Double], _ velocity: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: system.dimension)
        position.withUnsafeBufferPointer { position in
            velocity.withUnsafeBufferPointer { velocity in
                result.withUnsafeMutableBufferPointer { result in
                    guard let position = position.baseAddress, let result = result.baseAddress else { return }
                    system.evaluate(
                        time: time, position: position, velocity: system.order == 2 ? velocity.baseAddress : nil,
                        rows: 1, scratch: scratch.base, into: result)
                }
            }
        }
        return result
    }
}
