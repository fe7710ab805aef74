/// The factor `L` of a symmetric positive definite matrix `A = L Lᵀ`, to solve `A x = b` by.
///
/// Source: Golub and Van Loan, Matrix Computations (4th ed., 2013), 4.2. Cost: D³/6 multiplications and a solution D².
package struct Cholesky {
    private let size: Int
    /// Row-major, the lower triangle.
    private var factor: [Double]

    /// - Parameter matrix: `[D, D]`; its lower triangle is read.
    /// - Returns: nil if it is not positive definite.
    package init?(_ matrix: [Double], size d: Int) {
        size = d
        factor = matrix
        for i in 0..<d {
            for j in 0...i {
                var sum = factor[i * d + j]
                for k in 0..<j { sum -= factor[i * d + k] * factor[j * d + k] }
                if i > j {
                    factor[i * d + j] = sum / factor[j * d + j]
                } else {
                    guard sum > 0, sum.isFinite else { return nil }
                    factor[i * d + i] = sum.squareRoot()
                }
            }
        }
    }

    /// `A⁻¹ b` for each row `b` of `[n, D]`.
    package func solve(_ rows: [Double]) -> [Double] {
        let d = size
        var x = rows
        for start in stride(from: 0, to: rows.count, by: d) {
            for i in 0..<d {
                var sum = x[start + i]
                for k in 0..<i { sum -= factor[i * d + k] * x[start + k] }
                x[start + i] = sum / factor[i * d + i]
            }
            for i in (0..<d).reversed() {
                x[start + i] /= factor[i * d + i]
                for k in 0..<i { x[start + k] -= factor[i * d + k] * x[start + i] }
            }
        }
        return x
    }
}
