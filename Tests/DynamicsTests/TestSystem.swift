import Dynamics
import Glibc

/// A damped, velocity-coupled, nonlinear, time-dependent system in three dimensions:
///
///     x'' = tanh(A x + B v + w t) + sin(x shifted by one) / 2 - γ v
///
/// without `B v` for a Nyström method, which is valid only then.
struct TestSystem<S: KernelScalar>: SecondOrderSystem {
    let order: Int
    let couplesVelocity: Bool
    let dimension = 3
    private let a = [0.3, -1.1, 0.5, 0.9, 0.2, -0.7, -0.4, 1.3, -0.6]
    private let b = [-0.2, 0.6, 0.1, -0.5, 0.3, 0.8, 0.7, -0.9, 0.4]
    private let w = [0.5, -0.8, 1.2]
    static var damping: Double { 0.4 }

    init(order: Int = 2, couplesVelocity: Bool = true) {
        self.order = order
        self.couplesVelocity = couplesVelocity
    }

    func evaluate(
        time: Double, position: UnsafePointer<S>, velocity: UnsafePointer<S>?, rows: Int,
        scratch: UnsafeMutablePointer<S>, into result: UnsafeMutablePointer<S>
    ) {
        for row in 0..<rows {
            let x = (0..<3).map { Double(position[row * 3 + $0]) }
            let v = (0..<3).map { Double(velocity?[row * 3 + $0] ?? 0) }
            for i in 0..<3 {
                var sum = w[i] * time
                for j in 0..<3 { sum += a[i * 3 + j] * x[j] + (couplesVelocity ? b[i * 3 + j] * v[j] : 0) }
                result[row * 3 + i] = S(tanh(sum) + sin(x[(i + 1) % 3]) / 2 - Self.damping * v[i])
            }
        }
    }
}

/// A state `[x, v]` and its journey through time.
struct TestState<S: KernelScalar> {
    var position: [S] = [0.7, -0.4, 0.2]
    var velocity: [S] = [0.5, 0.9, -0.6]

    /// Integrates over the grid with any method and order; the velocity is kept at order 2.
    mutating func integrate(
        _ solver: Solver, _ grid: TimeGrid, order: Int = 2, couplesVelocity: Bool = true, givesVelocity: Bool = true
    ) {
        let system = TestSystem<S>(order: order, couplesVelocity: couplesVelocity && !solver.isNystrom)
        let integrator = Integrator(
            solver, grid: grid, order: order, damping: TestSystem<S>.damping, givesVelocity: givesVelocity)
        let rows = position.count / 3
        let workspace = Workspace<S>(count: integrator.workspaceCount(for: system, rows: rows))
        position.withUnsafeMutableBufferPointer { x in
            velocity.withUnsafeMutableBufferPointer { v in
                guard let x = x.baseAddress, let v = v.baseAddress else { return }
                integrator.integrate(
                    system, position: x, velocity: order == 2 ? v : nil, rows: rows, workspace: workspace.base)
            }
        }
    }
}

/// The largest difference between two vectors.
func distance<S: KernelScalar>(_ x: [S], _ y: [S]) -> Double {
    zip(x, y).map { abs(Double($0) - Double($1)) }.max() ?? 0
}

/// The slope of log(error) against log(step) by least squares, for step counts that double.
func slope(_ errors: [Double]) -> Double {
    let n = Double(errors.count)
    let xs = errors.indices.map { -Double($0) }
    let ys = errors.map { log2($0) }
    let meanX = xs.reduce(0, +) / n
    let meanY = ys.reduce(0, +) / n
    let top = zip(xs, ys).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
    let bottom = xs.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
    return top / bottom
}
