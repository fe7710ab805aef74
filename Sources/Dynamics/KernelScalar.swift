/// A number that the dynamics can be computed in: `Float` to serve (C kernels, the best variant for this processor chosen
/// at run time), `Double` to check (plain Swift).
///
/// All matrices are row-major and dense. Every output element is summed in an order that depends on `k` alone, so a row's
/// bits never depend on the number of rows it is computed with. Buffers must not overlap.
public protocol KernelScalar: BinaryFloatingPoint & SIMDScalar & Codable & Sendable {
    /// Which kernels are in use: `avx512`, `avx2`, `portable`, or `swift` for `Double`.
    static var kernelName: String { get }

    /// `c[m, n] (+)= op(a)[m, k] op(b)[k, n]`
    ///
    /// - Parameters:
    ///   - a: `[m, k]`, or `[k, m]` if `transposedA`.
    ///   - b: `[k, n]`, or `[n, k]` if `transposedB`.
    ///   - accumulating: add to `c` instead of replacing it.
    static func multiply(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, transposed transposedA: Bool,
        _ b: UnsafePointer<Self>, transposed transposedB: Bool,
        into c: UnsafeMutablePointer<Self>, accumulating: Bool)

    /// How many numbers `pack` writes for `n` outputs and `k` inputs.
    static func packedCount(n: Int, k: Int) -> Int

    /// Lays `b`, `[k, n]` or `[n, k]` if `transposed`, out as `multiplyPacked` reads it.
    static func pack(
        n: Int, k: Int, _ b: UnsafePointer<Self>, transposed: Bool, into packed: UnsafeMutablePointer<Self>)

    /// `c[m, n] (+)= a[m, k] b[k, n]` with `b` packed before.
    static func multiplyPacked(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, _ packed: UnsafePointer<Self>,
        into c: UnsafeMutablePointer<Self>, accumulating: Bool)

    /// `x = activation(x)`, elementwise. In `Float` the error is below 5e-7 · max(1, |x|).
    static func apply(_ activation: Activation, _ x: UnsafeMutablePointer<Self>, count: Int)

    /// `gradient *= activation'(preactivation)`, elementwise.
    static func backpropagate(
        _ activation: Activation, preactivation: UnsafePointer<Self>, into gradient: UnsafeMutablePointer<Self>,
        count: Int)

    /// `x = e^(x - shift)`, elementwise; returns the sum.
    static func exponentiate(_ x: UnsafeMutablePointer<Self>, shift: Self, count: Int) -> Double

    /// `y = base + Σ factors[j] · x[j]`; `y` may be `base` or any of `x`.
    static func combine(
        _ base: UnsafePointer<Self>, _ factors: [Self], _ x: [UnsafePointer<Self>],
        into y: UnsafeMutablePointer<Self>, count: Int)

    /// Adds `row`, `[n]`, to each row of `y`, `[m, n]`.
    static func add(row: UnsafePointer<Self>, m: Int, n: Int, into y: UnsafeMutablePointer<Self>)

    /// `Σ x²`, summed in double precision.
    static func sumOfSquares(_ x: UnsafePointer<Self>, count: Int) -> Double

    /// `Σ x y`, summed in double precision.
    static func dot(_ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>, count: Int) -> Double

    /// Columns to a panel: of packed matrices, and of tiles.
    static var panel: Int { get }

    /// Computes a layer for the first `rows` rows of tiles in `memory`.
    static func compute(_ layer: TileLayer<Self>, rows: Int, memory: UnsafeMutablePointer<Self>)

    /// `tile = factor · x`, padded with zeros: `count` numbers into a tile's row, whose first panel begins at `tile`.
    static func spread(
        _ x: UnsafePointer<Self>, times factor: Self, into tile: UnsafeMutablePointer<Self>, count: Int)

    /// `x = factor · tile`: `count` numbers out of a tile's row.
    static func gather(
        _ tile: UnsafePointer<Self>, times factor: Self, into x: UnsafeMutablePointer<Self>, count: Int)

    /// `tile *= factor`, for a tile's row of `count` numbers.
    static func scale(tile: UnsafeMutablePointer<Self>, by factor: Self, count: Int)

    /// `Σ x²` over a tile's row of `count` numbers, summed in double precision.
    static func sumOfSquares(tile: UnsafePointer<Self>, count: Int) -> Double
}

extension KernelScalar {
    /// `y += factor · x`
    public static func add(
        _ x: UnsafePointer<Self>, times factor: Self, into y: UnsafeMutablePointer<Self>, count: Int
    ) {
        combine(y, [factor], [x], into: y, count: count)
    }
}
