import Dynamics

/// `y += factor · x`
@inline(__always)
func add<S: KernelScalar>(
    _ x: UnsafePointer<S>, times factor: S, to y: UnsafeMutablePointer<S>, count: Int
) {
    for i in 0..<count { y[i] += factor * x[i] }
}

/// Adds `row`, `[columns]`, to every row of `y`, `[rows, columns]`.
@inline(__always)
func addRow<S: KernelScalar>(_ row: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, rows: Int, columns: Int) {
    for r in 0..<rows { add(row, times: 1, to: y + r * columns, count: columns) }
}

/// `sums += Σ_rows factor · x`, row after row; `x` is `[rows, columns]`.
@inline(__always)
func addColumnSums<S: KernelScalar>(
    of x: UnsafePointer<S>, times factor: S = 1, to sums: UnsafeMutablePointer<S>, rows: Int, columns: Int
) {
    for r in 0..<rows { add(x + r * columns, times: factor, to: sums, count: columns) }
}
