/// Minimises a smooth convex function by the limited-memory BFGS method with a backtracking line search.
///
/// Source: Nocedal and Wright, Numerical Optimization (2nd ed., 2006), algorithms 7.4, 7.5 and 3.1. Cost: 4 m
/// multiplications a number and step beside the function, with the last m = 10 steps kept.
struct LBFGS {
    /// Stops where the length of the gradient is no more.
    let tolerance: Double
    var mostSteps = 500
    private static let kept = 10

    /// - Parameter value: the function and, into its second argument, the gradient.
    func minimise(_ x: inout [Double], _ value: (_ x: [Double], _ gradient: inout [Double]) -> Double) {
        var gradient = [Double](repeating: 0, count: x.count)
        var cost = value(x, &gradient)
        var pairs: [Pair] = []
        for _ in 0..<mostSteps {
            guard Self.dot(gradient, gradient).squareRoot() > tolerance else { return }
            var direction = Self.direction(gradient, pairs)
            var slope = Self.dot(direction, gradient)
            if slope >= 0 {
                pairs = []
                direction = gradient.map { -$0 }
                slope = -Self.dot(gradient, gradient)
            }
            var length = 1.0
            var next = x
            var nextGradient = gradient
            var nextCost = Double.infinity
            while true {
                for i in x.indices { next[i] = x[i] + length * direction[i] }
                nextCost = value(next, &nextGradient)
                if nextCost <= cost + 1e-4 * length * slope { break }
                length /= 2
                // Rounding has the last word.
                if length < 1e-12 { return }
            }
            let step = zip(next, x).map { $0 - $1 }
            let change = zip(nextGradient, gradient).map { $0 - $1 }
            let curvature = Self.dot(step, change)
            if curvature > 1e-12 * Self.dot(change, change) {
                pairs.append(Pair(step: step, change: change, curvature: curvature))
                if pairs.count > Self.kept { pairs.removeFirst() }
            }
            (x, gradient, cost) = (next, nextGradient, nextCost)
        }
    }

    private struct Pair {
        let step: [Double]
        let change: [Double]
        /// `step · change`
        let curvature: Double
    }

    /// `-H g`, with `H` the approximate inverse of the Hessian that the pairs tell of.
    private static func direction(_ gradient: [Double], _ pairs: [Pair]) -> [Double] {
        var q = gradient.map { -$0 }
        var factors: [Double] = []
        for pair in pairs.reversed() {
            let factor = dot(pair.step, q) / pair.curvature
            factors.append(factor)
            add(pair.change, times: -factor, to: &q)
        }
        if let last = pairs.last {
            let scale = last.curvature / dot(last.change, last.change)
            for i in q.indices { q[i] *= scale }
        }
        for (pair, factor) in zip(pairs, factors.reversed()) {
            add(pair.step, times: factor - dot(pair.change, q) / pair.curvature, to: &q)
        }
        return q
    }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double {
        var sum = 0.0
        for i in x.indices { sum += x[i] * y[i] }
        return sum
    }

    private static func add(_ x: [Double], times factor: Double, to y: inout [Double]) {
        for i in x.indices { y[i] += factor * x[i] }
    }
}
