/// The factor `L` of a symmetric positive definite matrix `A = L Lᵀ`, to solve `A x = b` by.
///
/// Source: Golub and Van Loan, Matrix Computations (4th ed., 2013), 4.2. Cost: D³/6 multiplications and a solution D².
package struct Cholesky: Sendable {
    private let size: Int
    /// Row-major, the lower triangle.
    private var factor: [Double]

    /// - Parameter matrix: `[D, D]`; its lower triangle is read.
    /// - Returns: nil if it is not positive definite.
    package init?(_ matrix: [Double], size d: Int) {
        size = d
        factor = matrix
        let isPositive = factor.withUnsafeMutableBufferPointer { buffer in
            guard let l = buffer.baseAddress else { return false }
            for i in 0..<d {
                let row = l + i * d
                for j in 0..<i {
                    row[j] = (row[j] - Self.dot(row, l + j * d, count: j)) / l[j * d + j]
                }
                let pivot = row[i] - Self.dot(row, row, count: i)
                guard pivot > 0, pivot.isFinite else { return false }
                row[i] = pivot.squareRoot()
            }
            return true
        }
        guard isPositive else { return nil }
    }

    /// `A⁻¹ b` for each row `b` of `[n, D]`.
    package func solve(_ rows: [Double]) -> [Double] {
        let d = size
        var x = forward(rows)
        x.withUnsafeMutableBufferPointer { x in
            factor.withUnsafeBufferPointer { l in
                guard let x = x.baseAddress, let l = l.baseAddress else { return }
                for start in stride(from: 0, to: rows.count, by: d) {
                    let b = x + start
                    for i in (0..<d).reversed() {
                        b[i] /= l[i * d + i]
                        let (row, known) = (l + i * d, b[i])
                        for j in 0..<i { b[j] -= known * row[j] }
                    }
                }
            }
        }
        return x
    }

    /// `L⁻¹ b` for each row `b` of `[n, D]`: lengths afterwards are those in the metric of `A⁻¹`.
    package func forward(_ rows: [Double]) -> [Double] {
        let d = size
        var x = rows
        x.withUnsafeMutableBufferPointer { x in
            factor.withUnsafeBufferPointer { l in
                guard let x = x.baseAddress, let l = l.baseAddress else { return }
                for start in stride(from: 0, to: rows.count, by: d) {
                    let b = x + start
                    for i in 0..<d { b[i] = (b[i] - Self.dot(l + i * d, b, count: i)) / l[i * d + i] }
                }
            }
        }
        return x
    }

    /// `Σ x y` in four sums, which a compiler may not make of one by itself.
    private static func dot(_ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, count: Int) -> Double {
        var sums = SIMD4<Double>.zero
        let whole = count & ~3
        for i in stride(from: 0, to: whole, by: 4) {
            sums += SIMD4(x[i], x[i + 1], x[i + 2], x[i + 3]) * SIMD4(y[i], y[i + 1], y[i + 2], y[i + 3])
        }
        var sum = sums.sum()
        for i in whole..<count { sum += x[i] * y[i] }
        return sum
    }
}
